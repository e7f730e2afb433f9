"""A time limit that interrupts: the step is stopped where it stands.

In the main thread an interval timer raises TimeLimitReached, and again every second until the step
has unwound. A step stuck in C code, where Python raises nothing, is ended with its process
GRACE_SECONDS later by the backstop, which needs no interpreter; the run is then
recovered elsewhere, where the attempt is recorded as failed. In any other thread (a slot, a branch of a
gather) the process's supervisor raises it; an attempt stuck in a system call or in C code is given up, and
the process ends after the drives beside it.
"""

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol, TypeVar

from workflows.engine.attempts.backstop import backstop
from workflows.engine.attempts.supervisor import supervisor

R = TypeVar("R")
GRACE_SECONDS = 5.0
RING_AGAIN_SECONDS = 1.0


class TimeLimitReached(KeyboardInterrupt):
    """Interrupts a step. A KeyboardInterrupt, because no `except Exception` swallows it and
    psycopg cancels the running statement on the server when it sees one."""


class Limit:
    """How long an attempt may take, and how long it may be silent. Seconds; None: no limit."""

    def __init__(self, seconds: float | None, heartbeat_seconds: float | None = None) -> None:
        self.seconds, self.heartbeat_seconds = seconds, heartbeat_seconds
        self.ends_at = _after(seconds)
        """By this host's monotonic clock; infinite without a limit. beat_by likewise."""
        self.beat_by = _after(heartbeat_seconds)
        self.on_beat: Callable[[], None] | None = None
        """Called when a sign of life has moved beat_by."""
        self.on_stuck: Callable[[], None] | None = None
        """Called, in a thread of its own, when an attempt in a thread goes on well beyond a limit."""

    @property
    def is_none(self) -> bool:
        """Whether there is nothing to watch."""
        return self.seconds is None and self.heartbeat_seconds is None

    def beat(self) -> None:
        """Take note of a sign of life."""
        self.beat_by = _after(self.heartbeat_seconds)
        if self.on_beat is not None:
            self.on_beat()

    def left(self) -> float:
        """Return the seconds until the first of the limits; 0 or less when one has passed."""
        return min(self.ends_at, self.beat_by) - time.monotonic()

    def reached(self) -> str:
        """Say which limit was reached."""
        silent = self.beat_by <= time.monotonic() < self.ends_at
        return limit_reached(self.seconds, self.heartbeat_seconds, silent=silent)


def limit_reached(seconds: float | None, heartbeat_seconds: float | None, *, silent: bool) -> str:
    """Say which limit was reached. silent: that of heartbeats. None: the code names none any more."""
    if silent:
        silence = "too long" if heartbeat_seconds is None else f"{heartbeat_seconds:g} s"
        return f"the step sent no heartbeat for {silence}"
    return "the step ran longer than its limit" + ("" if seconds is None else f" of {seconds:g} s")


def _after(seconds: float | None) -> float:
    return float("inf") if seconds is None else time.monotonic() + seconds


def call_within(limit: Limit, function: Callable[[], R]) -> R:
    """Call the function; raise TimeLimitReached in it when a limit is reached."""
    if limit.is_none:
        return function()
    main = threading.current_thread() is threading.main_thread()
    alarm: _Alarm = _SignalAlarm(limit) if main else _ThreadAlarm(limit)
    # Twice: the alarm may ring while the first one is on its way to switch it off.
    try:
        try:
            alarm.on()
            result = function()
        finally:
            alarm.off()
    finally:
        alarm.off()
    if alarm.rang:  # the function caught it and returned all the same
        raise TimeLimitReached
    return result


class _Alarm(Protocol):
    rang: bool

    def on(self) -> None: ...
    def off(self) -> None: ...


class _SignalAlarm:
    def __init__(self, limit: Limit) -> None:
        self._limit, self._armed, self.rang = limit, True, False
        self._before = signal.getsignal(signal.SIGALRM)

    def on(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        self._limit.on_beat = self._put_off
        self.on_again()

    def off(self) -> None:
        self._armed, self._limit.on_beat = False, None
        signal.setitimer(signal.ITIMER_REAL, 0)
        backstop.release(self)
        signal.signal(signal.SIGALRM, self._before)
        outer = getattr(self._before, "__self__", None)
        if (
            isinstance(outer, _SignalAlarm) and outer._armed
        ):  # of a step that has executed an action
            outer.on_again()

    def on_again(self) -> None:
        """Go on after another limit has used the one timer there is."""
        self._set(max(self._limit.left(), 0.001))

    def _put_off(self) -> None:
        """A step that stays in C at the old time must not be ended: the alarm cannot ring there, and
        so cannot be put off there."""
        if self._armed and threading.current_thread() is threading.main_thread():
            self.on_again()

    def _set(self, seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        backstop.end_process_at(self, time.monotonic() + seconds + GRACE_SECONDS)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        left = self._limit.left()
        if left > 0:  # a heartbeat has put it off
            self._set(left)
            return
        self.rang = True
        raise TimeLimitReached


class _ThreadAlarm:
    def __init__(self, limit: Limit) -> None:
        self._limit, self._armed, self.rang = limit, True, False
        self._lock = threading.Lock()
        self._rings_at: float | None = None
        self._told = False
        self._target = ctypes.c_ulong(threading.get_ident())

    def on(self) -> None:
        supervisor().watch(self)

    def off(self) -> None:
        with self._lock:
            self._armed = False
        supervisor().forget(self)
        if self.rang:
            self._take_back()

    def _take_back(self) -> None:
        """Let what may not have been delivered be delivered here. To set none in its place would leave
        CPython 3.11's flag for it set: all code runs slower then, and hangs under a profiler."""
        try:
            self._raise(TimeLimitReached)
            while True:
                pass
        except TimeLimitReached:
            return

    def next_at(self) -> float:
        if self._rings_at is not None:
            return self._rings_at
        return min(self._limit.ends_at, self._limit.beat_by)

    def ring(self, now: float) -> None:
        with self._lock:
            if not self._armed or self._limit.left() > 0:  # a heartbeat has put it off
                self._rings_at = None
                return
            if self.rang and not self._told and self._limit.on_stuck is not None:
                self._told = _begins("stuck", self._limit.on_stuck)
            self.rang, self._rings_at = True, now + RING_AGAIN_SECONDS
            self._raise(TimeLimitReached)

    def _raise(self, kind: type[BaseException]) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._target, ctypes.py_object(kind))


def _begins(name: str, target: Callable[[], None]) -> bool:
    """Whether a thread for it could be begun."""
    try:
        threading.Thread(target=target, name=name, daemon=True).start()
    except RuntimeError:  # "can't start new thread": tried again when the alarm rings again
        return False
    return True
