"""A request, whole or refused: bounded in size, in time, and over all requests together."""

import asyncio
import re

from toolsite.web.messages import Receive, Scope

BODY_SECONDS = 15.0
"""How long a body may take as a whole. The site's forms are a few kB."""
MAX_HEADER_BYTES = 32_768
"""Of all headers of a request together. The server stops somewhere above, when its buffer is full."""
MAX_BODY_BYTES = 3_145_728
"""As nginx has it (3m), and more than Django's own limit, whose page says more than we could."""
MAX_BODIES_BYTES = 64_000_000
"""Of all bodies that this process holds at once."""

FOREIGN_CHARSET = re.compile(rb'charset(?!\s*=\s*("utf-?8"|utf-?8)\s*(;|$))', re.IGNORECASE)
"""In a Content-Type. Forms are UTF-8 (RFC 7578, 5.1.2; the URL standard), and Django would read the
query too by any of Python's codecs that is named there: some fail, others make lone surrogates."""


class RequestRefused(Exception):
    """The request cannot be had whole; status and sentence are for the visitor."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence


class Gone(Exception):
    """The visitor has gone away in the middle of the body."""


class RequestReader:
    """Reads requests to their end and knows how much all of them hold."""

    def __init__(self) -> None:
        self.held_bytes = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Return the whole body. Raises RequestRefused or Gone."""
        if header_bytes(scope) > MAX_HEADER_BYTES:
            raise RequestRefused(431, f"The headers are longer than {MAX_HEADER_BYTES} bytes.")
        if declared_bytes(scope) > MAX_BODY_BYTES:
            raise too_large()
        if names_another_charset(scope):
            raise RequestRefused(
                415, "The Content-Type names a charset; here it can only be UTF-8."
            )
        parts = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while await self.read_on(receive, parts):
                    pass
        except TimeoutError:
            raise RequestRefused(
                408, f"This took longer than {BODY_SECONDS:.0f} seconds."
            ) from None
        finally:
            self.held_bytes -= len(parts)
        return bytes(parts)

    async def read_on(self, receive: Receive, parts: bytearray) -> bool:
        """Take the next part; say whether there is more to come."""
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        part: bytes = message.get("body", b"")
        parts += part
        self.held_bytes += len(part)
        if len(parts) > MAX_BODY_BYTES:
            raise too_large()
        if self.held_bytes > MAX_BODIES_BYTES:
            raise RequestRefused(503, "Too much is being sent here at once; please try again.")
        return bool(message.get("more_body", False))


def header_bytes(scope: Scope) -> int:
    """Return how long a request's headers are."""
    return sum(len(name) + len(value) for name, value in scope["headers"])


def declared_bytes(scope: Scope) -> int:
    """Return how long the request says its body is; the server has checked that it is a number."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths else 0


def names_another_charset(scope: Scope) -> bool:
    """Say whether a Content-Type names a charset that is not UTF-8, in whatever spelling."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return any(FOREIGN_CHARSET.search(value) for value in types)


def too_large() -> RequestRefused:
    """Return the refusal of a body that is too large."""
    return RequestRefused(413, f"This is larger than {MAX_BODY_BYTES} bytes.")
