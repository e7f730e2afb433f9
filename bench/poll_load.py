"""Browsers that watch a page: each polls it every two seconds on a connection of its own, by ETag.

Knows nothing of Django: it runs in a process of its own.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.http_load import HOST

EVERY_SECONDS = 2.0
"""As the board's page does."""


@dataclass
class Polls:
    """What the polls of all watchers came to."""

    unchanged: int = 0
    changed: int = 0
    failed: int = 0
    took_ms: list[float] = field(default_factory=list)


def watch(port: int, path: str, cookies: Sequence[str], seconds: float) -> Polls:
    """Let one browser for each cookie watch the page for so long."""
    return asyncio.run(watch_all(port, path, cookies, seconds))


async def watch_all(port: int, path: str, cookies: Sequence[str], seconds: float) -> Polls:
    """Let the browsers begin one after the other, spread over one interval."""
    polls, until = Polls(), time.monotonic() + seconds
    await asyncio.gather(
        *[
            watch_one(port, path, cookie, number * EVERY_SECONDS / len(cookies), until, polls)
            for number, cookie in enumerate(cookies)
        ]
    )
    return polls


async def watch_one(
    port: int, path: str, cookie: str, first_after: float, until: float, polls: Polls
) -> None:
    """Poll until the time is over; a lost connection is opened again, as browsers do."""
    await asyncio.sleep(first_after)
    reader, writer = await asyncio.open_connection(HOST, port, limit=2**20)
    etag = ""
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            status, etag = await poll(reader, writer, path, cookie, etag)
            count(polls, status)
        except (OSError, asyncio.IncompleteReadError):
            polls.failed += 1
            writer.close()
            reader, writer = await asyncio.open_connection(HOST, port, limit=2**20)
        polls.took_ms.append(1000 * (time.monotonic() - began))
        pause = EVERY_SECONDS * random.uniform(0.95, 1.05)  # noqa: S311  timers of browsers drift
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
    writer.close()


def count(polls: Polls, status: int) -> None:
    """Note how a poll was answered."""
    if status == 304:
        polls.unchanged += 1
    elif status == 200:
        polls.changed += 1
    else:
        polls.failed += 1


async def poll(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, cookie: str, etag: str
) -> tuple[int, str]:
    """Ask once; return the status and the ETag."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", "HX-Request: true"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"If-None-Match: {etag}"] if etag else []
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    status = int(head.split()[1])
    if status != 304:
        await reader.readexactly(int(fields.get("content-length", 0)))
    return status, fields.get("etag", etag)
