"""Connections that are kept open and lent: to open one takes 25 ms on a busy machine, to hand one on
some microseconds.

The bound is one for quick use. Whoever keeps a connection for longer than `PATIENCE_SECONDS` while others
wait keeps it as its own: it counts no more, and one of those who wait may open another. So nobody
waits for a slow step, and nobody for ever, whatever they hold already.
"""

import queue
import select
import threading
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from psycopg.pq import TransactionStatus

from workflows.store.database import Connection
from workflows.store.kept_cursor import Cursor

PATIENCE_SECONDS = 1.0
WAKE_SECONDS = 0.5
"""So long a thread waits at a time: the time limit of a step interrupts nobody inside a lock, and gives up
one whom it has not reached a second later."""
LOOK_AT_IT_AFTER_SECONDS = 0.1
"""One that has lain for longer is asked whether the server has hung up, at no round trip."""


class Kept(NamedTuple):
    """An open connection that nobody uses."""

    raw: Connection
    close_at: float | None
    """By this host's monotonic clock, as `since`; None: it does not grow old."""
    since: float
    cursor: Cursor | None
    """What the last borrower sent by, for the next one."""

    def is_fit(self, now: float) -> bool:
        """Whether it can be lent again."""
        if self.close_at is not None and now >= self.close_at:
            return False
        return now - self.since < LOOK_AT_IT_AFTER_SECONDS or not _has_hung_up(self.raw)


class ConnectionPool:
    """Lends to whoever asks, in the order of asking. Belongs to one process, for all of its threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: list[Kept] = []
        """The last one is lent first: the others grow old enough to be closed."""
        self._lent: dict[Hashable, float] = {}
        """To whom, and since when; the oldest first."""
        self._waiting: deque[queue.SimpleQueue[None]] = deque()
        """Those are called by it: unlike an Event's, its methods are of C, and an interrupt that comes
        inside one leaves no lock taken."""

    def take(self, borrower: Hashable) -> Kept | None:
        """Lend a connection; None: open one, and say `forget` where that fails. Waits where all are
        lent."""
        while True:
            now = monotonic()
            with self._lock:
                # At every step of every drive: as short as can be.
                at_once = bool(self._kept) and not self._waiting
                if at_once:
                    kept: Kept | None = self._kept.pop()
                    self._lent[borrower] = now
            if not at_once:
                kept = self._turn(borrower)
            if kept is None or kept.is_fit(now):
                return kept
            kept.raw.close()
            self.forget(borrower)

    def give(
        self,
        borrower: Hashable,
        raw: Connection,
        close_at: float | None,
        cursor: Cursor | None = None,
    ) -> None:
        """Take a connection back. One that is broken or in a transaction is closed, one too many too."""
        now, idle = monotonic(), raw.pgconn.transaction_status == TransactionStatus.IDLE
        with self._lock:
            self._lent.pop(borrower, None)
            keep = idle and len(self._lent) + len(self._kept) < self._size
            if keep:
                self._kept.append(Kept(raw, close_at, now, cursor))
            if self._waiting:
                self._waiting[0].put(None)
        if not keep:
            raw.close()

    def forget(self, borrower: Hashable) -> None:
        """Its connection is closed, or could not be opened."""
        with self._lock:
            self._lent.pop(borrower, None)
            self._call_the_next()

    def close_idle(self, seconds: float = 0.0, keep: int = 0) -> None:
        """Close what has been lent to nobody for so long, but for so many that were used last."""
        until = monotonic() - seconds
        with self._lock:
            idle = self._kept[: max(0, len(self._kept) - keep)]
            old = [each for each in idle if each.since <= until]
            self._kept = [each for each in self._kept if each not in old]
        for each in old:
            each.raw.close()

    def count(self) -> tuple[int, int]:
        """Return how many are lent, without those that count no more, and how many are kept."""
        with self._lock:
            return len(self._lent), len(self._kept)

    def _turn(self, borrower: Hashable) -> Kept | None:
        with self._lock:
            if not self._waiting and self._is_free():
                return self._lend(borrower)
        called = queue.SimpleQueue[None]()
        try:  # from here on: an interrupt may come behind any call
            with self._lock:
                self._waiting.append(called)
            while True:
                with suppress(queue.Empty):
                    called.get(timeout=self._seconds_left(called))
                with self._lock:
                    if self._waiting[0] is called and self._is_free():
                        return self._lend(borrower)
        finally:  # also of a step that is interrupted
            with self._lock:
                if called in self._waiting:
                    self._waiting.remove(called)
                self._call_the_next()

    def _is_free(self) -> bool:
        if self._kept or self._has_room():
            return True
        oldest = next(iter(self._lent))
        if monotonic() - self._lent[oldest] < PATIENCE_SECONDS:
            return False
        del self._lent[oldest]
        return True

    def _seconds_left(self, called: queue.SimpleQueue[None]) -> float:
        """Return how long the first who waits does so, at a time; the others wait to be the first."""
        with self._lock:
            if self._waiting[0] is not called:
                return WAKE_SECONDS
            since = next(iter(self._lent.values()), None)
        left = 0.0 if since is None else max(0.0, since + PATIENCE_SECONDS - monotonic())
        return min(left, WAKE_SECONDS)

    def _lend(self, borrower: Hashable) -> Kept | None:
        self._lent.pop(borrower, None)  # one that got lost on its way: to the end of the row
        self._lent[borrower] = monotonic()
        return self._kept.pop() if self._kept else None

    def _has_room(self) -> bool:
        return len(self._lent) + len(self._kept) < self._size

    def _call_the_next(self) -> None:
        if self._waiting:
            self._waiting[0].put(None)


def _has_hung_up(raw: Connection) -> bool:
    """Whether there is something to read, though nothing was asked: a farewell of the server's."""
    if raw.closed:
        return True
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    return bool(poll.poll(0))
