"""Who is driven beside whom in one process: one bad run must not cost its neighbours their chances.

When a worker dies that drives several runs, nobody knows which of them did it. None is counted a crash;
until it makes progress, each of them is driven in smaller and smaller company, in the end alone. What is
lost alone counts.
"""

import threading
import time
from collections.abc import Callable
from uuid import UUID

SHRINK_BITS = 2
"""Each loss leaves a quarter of the company, so that a worker that was killed from outside with hundreds of
runs does not make each of them wait for the others."""
LOOK_SECONDS = 0.1
LEAST_PATIENCE_SECONDS = 5.0
PATIENCE_SHARE = 0.25
"""A run waits for room for this share of the time since its loss, then it is left to other workers."""
REST_SHARE = 3.0
"""A wait in vain keeps nobody out for so many times as long, whichever run waits next: a run that finds no
room costs its worker a quarter of its time at most."""


class Company:
    """The drives of this process. slots: how many there may be at a time."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._changed = threading.Condition()
        self._driving = 0
        """Claims under way included; not those that wait for room."""
        self._rests_until = 0.0
        """By this host's monotonic clock: until then, who waits keeps nobody out."""
        self._limits: dict[UUID, int] = {}
        """Runs that are driven, or wait for that, in company of so many at most, themselves included."""

    def enter(self) -> bool:
        """A claim begins. False: it must not, for the sake of a run that wants less company."""
        with self._changed:
            if self._limits and self._driving >= min(self._limits.values()):
                return False
            self._driving += 1
            return True

    def leave(self) -> None:
        """The claim has found nothing, or its drive has ended."""
        with self._changed:
            self._driving -= 1
            self._changed.notify_all()

    def admits(self, run: UUID, losses: int, seconds: float, stopping: Callable[[], bool]) -> bool:
        """Wait until so few others are driven as befits a run that was lost so often in company. False:
        it took longer than seconds, or the worker stops."""
        limit, began = max(1, self.slots >> (SHRINK_BITS * losses)), time.monotonic()
        with self._changed:
            self._driving -= 1
            keeps_out = began >= self._rests_until
            if keeps_out:
                self._limits[run] = limit
            while not (admitted := self._driving < limit):
                if stopping() or time.monotonic() >= began + seconds:
                    break
                self._changed.wait(LOOK_SECONDS)
            self._driving += 1
            if admitted:
                self._limits[run] = limit
            elif keeps_out:
                del self._limits[run]
                now = time.monotonic()
                self._rests_until = now + REST_SHARE * (now - began)
        return admitted

    def forget(self, run: UUID) -> None:
        """The run has made progress, or its drive has ended: others may come as they like."""
        with self._changed:
            if self._limits.pop(run, None) is not None:
                self._changed.notify_all()


def patience(waited_seconds: float) -> float:
    """Return how long a run may wait for room that was lost so long ago, in seconds."""
    return max(LEAST_PATIENCE_SECONDS, PATIENCE_SHARE * waited_seconds)
