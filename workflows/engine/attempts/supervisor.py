"""One thread watches the time limits of all attempts that run in threads of this process.

Signals reach the main thread only. An exception is raised in another thread as soon as that runs Python
again; inside a system call it is not. So an attempt that has not ended a while after its limit is told of,
and left. Where a call into C keeps the interpreter, and so this thread too, faulthandler's own thread ends
the process.
"""

import faulthandler
import os
import sys
import threading
import time
from functools import cache
from typing import Protocol

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
        self._changed = threading.Condition()
        self._watched: set[Alarm] = set()
        self._looks_at = float("inf")
        self._runs = False

    def watch(self, alarm: Alarm) -> None:
        """Watch an attempt that begins."""
        with self._changed:
            self._watched.add(alarm)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._look_on, name="time limits", daemon=True).start()
            if alarm.next_at() < self._looks_at:
                self._plan()
                self._changed.notify_all()

    def forget(self, alarm: Alarm) -> None:
        """The attempt has ended."""
        with self._changed:
            self._watched.discard(alarm)
            if not self._watched:
                self._plan()

    def _plan(self) -> None:
        """Look again when the first limit is reached; let the process be ended where that fails."""
        self._looks_at = min((each.next_at() for each in self._watched), default=float("inf"))
        faulthandler.cancel_dump_traceback_later()
        if self._looks_at < float("inf") and sys.__stderr__ is not None:
            seconds = max(0.0, self._looks_at - time.monotonic()) + GRACE_SECONDS
            faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)

    def _look_on(self) -> None:
        with self._changed:
            while True:
                left = self._looks_at - time.monotonic()
                if left > 0:
                    self._changed.wait(None if left == float("inf") else left)
                    continue
                now, watched = time.monotonic(), list(self._watched)
                for alarm in watched:
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
