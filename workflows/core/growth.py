"""Heartbeats that move are progress: has a number in their details grown beyond all it ever was?

What counts is a number that the details carry under the same name as before (200 after 150, or
{"row": 200} after {"row": 150}). A text does not count, and neither does a number that is the time of
day: it would grow also where nothing moves.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

Numbers = Mapping[str, float]
"""Numbers of details, by the way to each: "row", "files/0", "" for details that are a number."""

MOST_NUMBERS = 20
"""Of one step; what its details carry beyond them is not looked at."""
ONE_DAY_SECONDS = 86_400
LARGEST = 2**63
"""Not a number and infinity are not below it either."""
TICKS = (1, 10**3, 10**6, 10**9)
"""In which times of day are told: seconds, or parts of them."""


class Growth(NamedTuple):
    """What the details of a heartbeat say of how far a step is."""

    reached: Numbers
    """The most that each number ever was."""
    grew: bool
    """Whether one has grown beyond that."""


def growth(before: Numbers, details: Any, *, now: float) -> Growth:
    """Compare the details of a heartbeat with all earlier ones. now: seconds since 1970."""
    found = dict(islice(_numbers(details, now), MOST_NUMBERS))
    higher = {way: max(value, before.get(way, value)) for way, value in found.items()}
    reached = dict(islice({**higher, **before, **higher}.items(), MOST_NUMBERS))
    return Growth(reached, any(found[way] > before[way] for way in found.keys() & before.keys()))


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
