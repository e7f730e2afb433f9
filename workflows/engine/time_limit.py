"""A time limit that interrupts: the step is stopped where it stands.

Two stages. At the limit an interval timer raises TimeLimitReached in the main thread, and again
every second until the step has unwound. A step stuck in C code, where Python raises nothing,
is ended with its process GRACE_SECONDS later by faulthandler's own thread, which needs no
interpreter; the run is then recovered elsewhere and the crash counted.
"""

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from workflows.core.errors import DefinitionError

R = TypeVar("R")
GRACE_SECONDS = 5.0


class TimeLimitReached(KeyboardInterrupt):
    """Interrupts a step. A KeyboardInterrupt, because no `except Exception` swallows it and
    psycopg cancels the running statement on the server when it sees one."""


def call_within(seconds: float | None, function: Callable[[], R]) -> R:
    """Call the function; raise TimeLimitReached if it takes longer. None: no limit.

    Works in the main thread only, where Python delivers signals; raises DefinitionError elsewhere.
    """
    if seconds is None:
        return function()
    if threading.current_thread() is not threading.main_thread():
        raise DefinitionError("a step with timeout_seconds can only run in the main thread")
    alarm = _Alarm(seconds)
    # Twice: the alarm may ring while the first one is on its way to switch it off.
    try:
        try:
            alarm.set()
            result = function()
        finally:
            alarm.off()
    finally:
        alarm.off()
    if alarm.rang:  # the function caught it and returned all the same
        raise TimeLimitReached
    return result


class _Alarm:
    def __init__(self, seconds: float) -> None:
        self._seconds, self._armed, self.rang = seconds, True, False
        self._before = signal.getsignal(signal.SIGALRM)

    def set(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, 1.0)
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(
                self._seconds + GRACE_SECONDS, exit=True, file=sys.__stderr__
            )

    def off(self) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, self._before)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if self._armed:
            self.rang = True
            raise TimeLimitReached
