"""One thread watches the time limits of all attempts that run in threads of this process.

Signals reach the main thread only. An exception is raised in another thread as soon as that runs Python
again; inside a system call it is not. So an attempt that has not ended a while after its limit is told of,
and left. Where a call into C keeps the interpreter, and so this thread too, the backstop ends the process.

Whoever is watched comes here with an interrupt on its heels, which may be raised behind any call. So all
that is locked is locked by `with` and a lock of C's: a Condition's `__enter__` is Python, and an interrupt
that comes inside it would leave the lock taken for good.
"""

import os
import queue
import threading
import time
from contextlib import suppress
from functools import cache
from typing import Protocol

from workflows.engine.attempts.backstop import backstop

GRACE_SECONDS = 10.0
"""So long after a limit the process is ended if this thread could not even look."""


class Alarm(Protocol):
    """A limit of an attempt in a thread."""

    def next_at(self) -> float:
        """Return when there is something to do, by this host's monotonic clock."""

    def ring(self, now: float) -> None:
        """It is that time. Must neither wait nor raise."""


class Supervisor:
    """The watched attempts of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[Alarm] = set()
        self._looks_at = float("inf")
        self._thread: threading.Thread | None = None
        self._called: queue.SimpleQueue[None] = queue.SimpleQueue()
        """The thread is to look again; unlike an Event, it can be told at any moment."""

    def watch(self, alarm: Alarm) -> None:
        """Watch an attempt that begins. Raises RuntimeError where there is no room for the one thread."""
        with self._lock:
            self._begin()
            self._watched.add(alarm)
            if alarm.next_at() < self._looks_at:
                self._plan()
                self._called.put(None)

    def forget(self, alarm: Alarm) -> None:
        """The attempt has ended."""
        with self._lock:
            self._watched.discard(alarm)
            if not self._watched:
                self._plan()

    def _begin(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._look_on, name="time limits", daemon=True)
            thread.start()
            self._thread = thread

    def _plan(self) -> None:
        """Look again when the first limit is reached; let the process be ended where that fails."""
        self._looks_at = min((each.next_at() for each in self._watched), default=float("inf"))
        if self._looks_at < float("inf"):
            soonest = max(self._looks_at, time.monotonic())
            backstop.end_process_at(self, soonest + GRACE_SECONDS)
        else:
            backstop.release(self)

    def _look_on(self) -> None:
        while True:
            with self._lock:
                left = self._looks_at - time.monotonic()
                if left <= 0:
                    self._ring_what_is_due()
                    continue
            with suppress(queue.Empty):
                self._called.get(timeout=None if left == float("inf") else left)

    def _ring_what_is_due(self) -> None:
        now = time.monotonic()
        for alarm in list(self._watched):
            if alarm.next_at() <= now:
                alarm.ring(now)
        self._plan()


_one = threading.Lock()


def supervisor() -> Supervisor:
    """Return that of this process; a fork begins with one of its own."""
    with _one:  # else two threads that come first might each make one
        return _of_process(os.getpid())


@cache
def _of_process(pid: int) -> Supervisor:
    return Supervisor()
