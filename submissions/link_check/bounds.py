"""How long a check may take and how much it may read, whatever the other side does."""

import time
from collections.abc import Callable

from submissions.link_check.verdict import Code, LinkFault

MAX_LINK_CHARACTERS = 2_048
MAX_REDIRECTS = 5
MAX_HEADER_BYTES = 128 * 1024
"""Of one answer's head: status lines, headers, interim answers."""
MAX_BODY_BYTES = 64 * 1024
"""Read from the network after the head."""
MAX_RAW_BYTES = MAX_HEADER_BYTES + 16 * 1024 + MAX_BODY_BYTES
"""Read from the network for one answer in all; TLS adds a little to its head."""
MAX_PAGE_BYTES = 256 * 1024
"""Kept of one page after decompression."""
MAX_HANDSHAKE_BYTES = 64 * 1024
"""Read from the network for one TLS handshake, certificates included."""
CONNECT_SECONDS = 5.0
"""For all addresses of a host together."""
LOOK_SECONDS = 1.0
"""Between two looks at whether anybody still waits for the verdict."""
HEAD_START_SECONDS = 0.25
"""Of one address before the next is dialled as well (RFC 8305, section 5)."""


class EnoughRead(Exception):
    """The byte allowance is used up; what was read so far is all there will be."""


class Allowance:
    """The time of one check and the bytes of the answer being read.

    Asked before every single wait on a socket, so no thread is needed to keep watch, and a peer
    that sends one byte a second gains nothing by it. Calls `while_waiting` about once a second;
    what that raises ends the check.
    """

    def __init__(self, seconds: float, while_waiting: Callable[[], None] | None = None) -> None:
        began_at = time.monotonic()
        self._ends_at = began_at + seconds
        self._looks_at = began_at + LOOK_SECONDS
        self._while_waiting = while_waiting
        self._bytes_left = 0
        self.peer_has_closed = False

    def seconds_left(self) -> float:
        """Return how long the check may still take, above 0. Raises LinkFault when time is up."""
        if self._while_waiting is not None and time.monotonic() >= self._looks_at:
            self._while_waiting()
            self._looks_at = time.monotonic() + LOOK_SECONDS
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise LinkFault(Code.TOO_SLOW)
        return left

    def pause(self) -> float:
        """Return how long may be waited before asking anew. Raises LinkFault when time is up."""
        return min(self.seconds_left(), LOOK_SECONDS)

    def begin_handshake(self) -> None:
        self._bytes_left = MAX_HANDSHAKE_BYTES

    def begin_answer(self) -> None:
        self._bytes_left = MAX_RAW_BYTES - MAX_BODY_BYTES
        self.peer_has_closed = False

    def begin_body(self) -> None:
        self._bytes_left = MAX_BODY_BYTES

    def bytes_left(self) -> int:
        """Return how many bytes may be read now, above 0. Raises EnoughRead."""
        if self._bytes_left <= 0:
            raise EnoughRead
        return self._bytes_left

    def count(self, received_bytes: int) -> None:
        self._bytes_left -= received_bytes
        if received_bytes == 0:
            self.peer_has_closed = True
