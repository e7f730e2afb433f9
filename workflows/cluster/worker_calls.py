"""Whom to call: as many slots as there are runs for them, and not again and again in vain."""

import time

from workflows.cluster import shared
from workflows.conf import conf
from workflows.store.queue import Due

CALL_AGAIN_SECONDS = 1.0
"""A call that nobody answered by then is lost (its worker was killed on the way): call again."""
FIRST_PAUSE_SECONDS = 0.005
"""After a call in vain; doubled each time, up to a poll."""


class Calls:
    """The pusher's account of calls and answers. Every call is answered by one look."""

    def __init__(self, workers: int, slots: int = 1) -> None:
        self._workers, self._slots = workers, workers * slots
        self._answers_awaited = 0
        """The number of looks at which every call has been answered."""
        self._called_at = 0.0
        self._empty_looks = 0
        self._held_up = 0
        """Due runs that no worker can take: somebody's open transaction holds their rows."""
        self._in_vain = 0
        self._again_at = 0.0

    def limit(self) -> int:
        """Return up to which number due runs are worth counting."""
        return self._slots + self._held_up

    def count(self, due: Due) -> int:
        """Return how many slots to call: due runs and free slots, less those on their way."""
        now, looks = time.monotonic(), shared.looks()
        self._learn(due, now)
        on_their_way = max(0, self._answers_awaited - looks)
        if now - self._called_at > CALL_AGAIN_SECONDS:
            on_their_way = 0
        free = self._slots - shared.busy_slots()
        calls = max(0, min(due.runs - self._held_up, free) - on_their_way)
        if calls:
            self._answers_awaited, self._called_at = looks + on_their_way + calls, now
        return calls

    def call_busy_ones(self, calls: int) -> int:
        """Call the workers that are busy already for as many of these as there are no idle ones for.
        Returns how many are left for those."""
        idle = min(calls, max(0, self._workers - shared.busy_workers()))
        shared.call(calls - idle)
        return idle

    def pause(self) -> float:
        """Return how long due runs may wait for the next look, in seconds."""
        if not self._held_up:
            return conf().poll_seconds
        return max(0.0, self._again_at - time.monotonic())

    def _learn(self, due: Due, now: float) -> None:
        empty_looks = shared.empty_looks()
        in_vain = empty_looks != self._empty_looks
        self._empty_looks = empty_looks
        if due.runs == 0:
            self._held_up = self._in_vain = 0
        elif in_vain and _oldest(due) > now - self._called_at:
            # It was due when the worker looked, and is due still.
            self._held_up = due.runs
            pause = min(FIRST_PAUSE_SECONDS * 2**self._in_vain, conf().poll_seconds)
            self._again_at, self._in_vain = now + pause, min(self._in_vain + 1, 20)
        elif now >= self._again_at:
            self._held_up = 0
        self._held_up = min(self._held_up, due.runs)


def _oldest(due: Due) -> float:
    """Return for how long the oldest due run has been due, in seconds."""
    return -(due.next_seconds or 0.0)
