"""Heartbeats that move are progress: has a number in their details grown beyond all it ever was?

What counts is a number that the details carry under the same name as before (200 after 150, or
{"row": 200} after {"row": 150}). A text does not count, and neither does a number that is the time of
day: it would grow also where nothing moves.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

Numbers = Mapping[str, float]
"""Numbers of details, by the way to each: "row", "files/0", "" for details that are a number."""

MOST_NUMBERS = 20
"""Of one step; what its details carry beyond them is not looked at."""
MOST_STEPS = 16
"""That beat beside each other in one run and are remembered."""
ONE_DAY_SECONDS = 86_400
LARGEST = 2**63
"""Not a number and infinity are not below it either."""
TICKS = (1, 10**3, 10**6, 10**9)
"""In which times of day are told: seconds, or parts of them."""


class Growth:
    """How far the steps of a run have come, by their heartbeats. Branches of a group share it."""

    def __init__(self, reached: Mapping[int, Numbers], grew: int | None) -> None:
        self._reached = dict(reached)
        self._grew = grew
        self._lock = threading.Lock()

    def take(
        self, position: int, details: Any, *, attempt: int, now: float
    ) -> tuple[dict[int, Numbers], int | None]:
        """Take in the details of a heartbeat in this attempt of the run; now: seconds since 1970.

        Returns how far each step has come, and in which attempt of the run one last grew.
        """
        with self._lock:
            before = self._reached.pop(position, {})
            found = dict(islice(_numbers(details, now), MOST_NUMBERS))
            if any(value > before[way] for way, value in found.items() if way in before):
                self._grew = attempt
            higher = {way: max(value, before.get(way, value)) for way, value in found.items()}
            self._reached[position] = dict(
                islice({**higher, **before, **higher}.items(), MOST_NUMBERS)
            )
            for forgotten in list(self._reached)[:-MOST_STEPS]:
                del self._reached[forgotten]
            return dict(self._reached), self._grew


def _numbers(details: Any, now: float, way: str = "") -> Iterator[tuple[str, float]]:
    match details:
        case bool():
            return
        case int() | float():
            if abs(details) < LARGEST and not _is_time_of_day(details, now):
                yield way, details
        case dict() | list():
            for name, part in _parts(details):
                yield from _numbers(part, now, f"{way}/{name}" if way else str(name))


def _parts(details: dict[str, Any] | list[Any]) -> Iterable[tuple[object, Any]]:
    return details.items() if isinstance(details, dict) else enumerate(details)


def _is_time_of_day(number: float, now: float) -> bool:
    return any(abs(number - now * tick) < ONE_DAY_SECONDS * tick for tick in TICKS)
