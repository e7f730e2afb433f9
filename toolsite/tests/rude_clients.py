"""Visitors without manners, in a process of their own: silent connections, bodies and headers in drips.

    python -m toolsite.tests.rude_clients PORT IDLE BODIES HEADERS SECONDS [CERTIFICATE]

Says how many of them are there as soon as all are, or when no more come in; ends by itself. It goes to this machine only, from many of its addresses. With a certificate it speaks TLS, but for
the silent ones.
"""

import asyncio
import contextlib
import ssl
import sys

HOST = "127.0.0.1"
DRIP_SECONDS = 1.0
BODY = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n"
    b"Cookie: csrftoken=" + b"c" * 32 + b"\r\n\r\n"
)
"""With a token, or it would be refused before its body is asked for."""
HEADER = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
COMING_SECONDS = 10
AT_ONCE = 200
"""Connections that are opened side by side: a backlog is no part of what is tried."""


class Crowd:
    """All of them. A connection that the server closes is opened again."""

    def __init__(self, port: int, trust: ssl.SSLContext | None) -> None:
        self.port = port
        self.trust = trust
        self.there = 0
        self.door = asyncio.Semaphore(AT_ONCE)

    async def one(self, number: int, beginning: bytes, drip: bytes) -> None:
        """Be one of them, again and again."""
        while True:
            with contextlib.suppress(OSError):
                await self.visit(f"127.0.1.{1 + number % 100}", beginning, drip)
            await asyncio.sleep(0.1)

    async def visit(self, address: str, beginning: bytes, drip: bytes) -> None:
        """Stay until the server closes the connection."""
        speaks_tls = bool(drip) and self.trust is not None
        async with self.door:
            reader, writer = await asyncio.open_connection(
                HOST,
                self.port,
                local_addr=(address, 0),
                ssl=self.trust if speaks_tls else None,
                server_hostname="localhost" if speaks_tls else None,
            )
        self.there += 1
        try:
            writer.write(beginning)
            while not reader.at_eof():
                writer.write(drip)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(4096), DRIP_SECONDS)
        finally:
            self.there -= 1
            writer.close()


async def crowd(numbers: list[int], trust: ssl.SSLContext | None) -> None:
    """Let them in, say so, and send them home after a while."""
    port, idle, bodies, headers, seconds = numbers
    all_of_them = Crowd(port, trust)
    kinds = [(b"", b"")] * idle + [(BODY, b"x")] * bodies + [(HEADER, b"x")] * headers
    tasks = [
        asyncio.create_task(all_of_them.one(number, *kind)) for number, kind in enumerate(kinds)
    ]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(COMING_SECONDS):
            while all_of_them.there < len(kinds):
                await asyncio.sleep(0.05)
    sys.stdout.write(f"{all_of_them.there}\n")
    sys.stdout.flush()
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[1:6]]
    certificates = sys.argv[6:]
    trust = ssl.create_default_context(cafile=certificates[0]) if certificates else None
    asyncio.run(crowd(numbers, trust))
