"""Sites on loopback: one that answers at once, and many that drip one byte a second."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from ops.free_port import free_port

GOOD_HOST = "127.0.0.1"
GOOD = b"<!doctype html><title>A tool</title><h1>A tool</h1><p>It does something useful."
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
LONGEST_DRIP_SECONDS = 60


class SlowLinks:
    """The links: `good` and, each on a host of its own, `drips`."""

    def __init__(self, drips: int) -> None:
        self.port = free_port()
        self.hosts = [f"127.0.1.{number}" for number in range(1, drips + 1)]
        self.drips = [f"http://{host}:{self.port}/" for host in self.hosts]
        self.good = f"http://{GOOD_HOST}:{self.port}/"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, in good time or not."""
        with contextlib.suppress(OSError), contextlib.closing(writer):
            await reader.readline()
            writer.write(HEAD)
            if writer.get_extra_info("sockname")[0] == GOOD_HOST:
                writer.write(GOOD)
            else:
                await self.drip(writer)
            await writer.drain()

    async def drip(self, writer: asyncio.StreamWriter) -> None:
        for _ in range(LONGEST_DRIP_SECONDS):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(1)


@contextlib.contextmanager
def slow_links(drips: int) -> Iterator[SlowLinks]:
    """Serve them while the block runs."""
    links, loop = SlowLinks(drips), asyncio.new_event_loop()
    begun, ended = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(links.answer, [GOOD_HOST, *links.hosts], links.port):
            begun.set()
            await ended.wait()

    def run() -> None:
        with asyncio.Runner(
            loop_factory=lambda: loop
        ) as runner:  # its end cancels what is under way
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    try:
        yield links
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
