"""HTTP byte by byte, for tests of what well-behaved clients never send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ops.site import HOST


@contextmanager
def connected(port: int, *, seconds: float = 10) -> Iterator[socket.socket]:
    """Yield a connection to the web server on this machine."""
    with socket.create_connection((HOST, port), timeout=seconds) as wire:
        yield wire


def ask(port: int, *parts: bytes) -> bytes:
    """Send bytes on one connection and return all that is answered until it is closed.

    Say `Connection: close` where the server would keep it.
    """
    with connected(port) as wire:
        for part in parts:
            wire.sendall(part)
        return read_to_the_end(wire)


def read_to_the_end(wire: socket.socket) -> bytes:
    """Return all that is still to come until the server closes."""
    got = b""
    while part := wire.recv(65536):
        got += part
    return got


def status_of(answer: bytes) -> int:
    """Return the status of the first response, 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def form_post(path: str, *, declared_bytes: int, extra: str = "") -> bytes:
    """Return the head of a form that is sent with a token, or it would not be read at all."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={'c' * 32}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n{extra}"
        f"Content-Length: {declared_bytes}\r\n\r\n"
    ).encode()
