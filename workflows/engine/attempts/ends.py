"""How attempts end that run elsewhere, in threads or on the event loop: the drive's thread waits here.

While it waits, it does what async steps ask of it: their ORM and their heartbeats go over the drive's
own connection, as those of plain steps do.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from workflows.engine.attempts.supervisor import supervisor
from workflows.engine.attempts.time_limit import GRACE_SECONDS, RING_AGAIN_SECONDS, Limit
from workflows.store import lent_connections

Key = TypeVar("Key")
End = TypeVar("End")
STOP_SECONDS = 1.0


class Asked(Protocol):
    """What the drive's thread is asked to do."""

    def do(self) -> None:
        """Do it. What this raises ends the drive."""

    def refuse(self) -> None:
        """Nobody will do it any more."""


class _Watched:
    """An attempt on the event loop: where one there stays in C, the process is ended as well."""

    def __init__(self, limit: Limit) -> None:
        self._limit, self._not_before = limit, 0.0

    def next_at(self) -> float:
        return max(min(self._limit.ends_at, self._limit.beat_by), self._not_before)

    def ring(self, now: float) -> None:
        # The loop's own timer cancels it. This thread has come to look, so nothing keeps the interpreter.
        self._not_before = now + RING_AGAIN_SECONDS


class Ends(Generic[Key, End]):
    """The attempts under way of one drive. Made, and waited at, in the drive's thread."""

    def __init__(self) -> None:
        self._came: queue.SimpleQueue[tuple[Key, End] | Asked] = queue.SimpleQueue()
        self._limits: dict[Key, Limit] = {}
        self._stops: dict[Key, Callable[[], None]] = {}
        self._watched: dict[Key, _Watched] = {}
        self._thread = threading.get_ident()
        self._lock, self._closed = threading.Lock(), False

    @property
    def busy(self) -> int:
        """How many attempts have begun whose ends nobody has taken."""
        return len(self._limits)

    @property
    def is_here(self) -> bool:
        """Whether this is the drive's thread."""
        return threading.get_ident() == self._thread

    def expect(self, key: Key, limit: Limit, *, stop: Callable[[], None] | None = None) -> None:
        """An attempt begins. stop: cancels it, where that can be done."""
        self._limits[key] = limit
        if stop is not None:
            self._stops[key] = stop
        if stop is not None and not limit.is_none:
            self._watched[key] = _Watched(limit)
            supervisor().watch(self._watched[key])

    def put(self, key: Key, end: End) -> None:
        """An attempt has ended. Called in any thread."""
        self._came.put((key, end))

    def ask(self, asked: Asked) -> None:
        """Have this done in the drive's thread. Called in any thread."""
        with self._lock:
            if not self._closed:
                self._came.put(asked)
                return
        asked.refuse()

    def next(self) -> tuple[Key, End] | None:
        """Wait for the next end; None: an attempt is stuck beyond its limit and its grace."""
        while True:
            left = min(limit.left() for limit in self._limits.values()) + GRACE_SECONDS
            if left <= 0:
                return None
            lent_connections.let_go()
            try:
                came = self._came.get(timeout=None if left == float("inf") else left)
            except queue.Empty:
                continue
            if isinstance(came, tuple):
                del self._limits[came[0]]
                self._stops.pop(came[0], None)
                self._unwatch(came[0])
                return came
            came.do()

    def _unwatch(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None:
            supervisor().forget(watched)

    def close(self) -> None:
        """Do nothing more for anybody. What is still under way on the event loop is cancelled, and waited
        for a little: the drive has been broken off."""
        with self._lock:
            self._closed = True
        for key in list(self._watched):
            self._unwatch(key)
        for stop in self._stops.values():
            stop()
        give_up_at = time.monotonic() + STOP_SECONDS
        while self._stops or not self._came.empty():
            try:
                came = self._came.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except queue.Empty:
                return
            if isinstance(came, tuple):
                self._stops.pop(came[0], None)
            else:
                came.refuse()
