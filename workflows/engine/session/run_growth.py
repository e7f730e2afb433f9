"""How far the steps of a run have come, by their heartbeats."""

import threading
from collections.abc import Mapping
from typing import Any

from workflows.core.growth import Numbers, growth

MOST_STEPS = 16
"""That beat beside each other in one run and are remembered."""


class RunGrowth:
    """One for each drive; the branches of a group share it."""

    def __init__(self, reached: Mapping[int, Numbers], grew: int | None) -> None:
        self._reached, self._grew = dict(reached), grew
        self._lock = threading.Lock()

    def take(
        self, position: int, details: Any, *, attempt: int, now: float
    ) -> tuple[dict[int, Numbers], int | None]:
        """Take in the details of a heartbeat in this attempt of the run; now: seconds since 1970.

        Returns how far each step has come, and in which attempt of the run one last grew.
        """
        with self._lock:
            told = growth(self._reached.pop(position, {}), details, now=now)
            self._reached[position] = told.reached
            if told.grew:
                self._grew = attempt
            for forgotten in list(self._reached)[:-MOST_STEPS]:
                del self._reached[forgotten]
            return dict(self._reached), self._grew
