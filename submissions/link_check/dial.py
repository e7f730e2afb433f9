"""Dial a host's addresses, each a moment after the one before; the first to answer is kept.

RFC 8305 without its look-ups: the two families take turns, so that eight dead addresses of one do
not hide a good one of the other. One thread waits for all of them, and every socket but the one
that is returned is closed, whatever happens.
"""

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from itertools import chain, zip_longest

from submissions.link_check.addresses import IPAddress
from submissions.link_check.bounds import CONNECT_SECONDS, HEAD_START_SECONDS, Allowance
from submissions.link_check.verdict import Code, LinkFault

MAX_ADDRESSES_TRIED = 10
RECEIVE_BUFFER_BYTES = 32 * 1024
"""So that the kernel, too, takes little from a peer that sends without end."""

FAULTS = {
    errno.ECONNREFUSED: Code.CONNECTION_REFUSED,
    errno.ECONNRESET: Code.CONNECTION_LOST,
    errno.ECONNABORTED: Code.CONNECTION_LOST,
    errno.ETIMEDOUT: Code.TOO_SLOW,
}
MOST_TELLING_LAST = (
    Code.UNREACHABLE,
    Code.TOO_SLOW,
    Code.CONNECTION_LOST,
    Code.CONNECTION_REFUSED,
)


def dial(
    addresses: Sequence[IPAddress], port: int, allowance: Allowance
) -> tuple[socket.socket, IPAddress]:
    """Return a connected socket and the address it reached. Raises LinkFault."""
    dialling = Dialling(in_turns(addresses)[:MAX_ADDRESSES_TRIED], port)
    try:
        return dialling.first_answer(allowance)
    finally:
        dialling.hang_up()


def in_turns(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """Return the addresses so that the families alternate; the resolver's first stays first."""
    first = [each for each in addresses if each.version == addresses[0].version]
    other = [each for each in addresses if each.version != addresses[0].version]
    return [each for each in chain(*zip_longest(first, other)) if each is not None]


class Dialling:
    """Connections to one host that are under way."""

    def __init__(self, addresses: Sequence[IPAddress], port: int) -> None:
        self._waiting = deque(addresses)
        self._port = port
        self._open: dict[socket.socket, IPAddress] = {}
        self._faults: set[Code] = set()

    def first_answer(self, allowance: Allowance) -> tuple[socket.socket, IPAddress]:
        give_up_at = time.monotonic() + CONNECT_SECONDS
        while self._waiting or self._open:
            pause = min(give_up_at - time.monotonic(), allowance.pause())
            if pause <= 0:
                self._faults.add(Code.TOO_SLOW)
                break
            if self._waiting:
                self._begin(self._waiting.popleft())
            answered = self._wait(min(pause, HEAD_START_SECONDS) if self._waiting else pause)
            if answered is not None:
                return answered, self._open.pop(answered)
        raise LinkFault(max(self._faults, key=MOST_TELLING_LAST.index))

    def hang_up(self) -> None:
        for each in self._open:
            each.close()

    def _begin(self, address: IPAddress) -> None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        try:
            opened = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            self._faults.add(Code.UNREACHABLE)
            return
        self._open[opened] = address
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        error = opened.connect_ex((str(address), self._port))
        if error not in {0, errno.EINPROGRESS}:
            self._drop(opened, error)

    def _wait(self, seconds: float) -> socket.socket | None:
        """Return a socket that is connected; None once one has failed or the time is over."""
        with selectors.DefaultSelector() as selector:
            for each in self._open:
                selector.register(each, selectors.EVENT_WRITE)
            ready = [key.fileobj for key, _ in selector.select(seconds)] if self._open else []
        for each in list(self._open):
            if each in ready:
                error = each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not error:
                    return each
                self._drop(each, error)
        return None

    def _drop(self, failed: socket.socket, error: int) -> None:
        self._faults.add(FAULTS.get(error, Code.UNREACHABLE))
        del self._open[failed]
        failed.close()
