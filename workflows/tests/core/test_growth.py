"""Details of heartbeats that grow beyond any earlier value are progress; times of day are not."""

import math
from typing import Any

import pytest

from workflows.core.growth import MOST_NUMBERS, Numbers, growth

NOW = 1_790_000_000.0


def grew(*details: Any) -> int | None:
    """Return with which of these heartbeats of one step its details last grew."""
    reached: Numbers = {}
    last = None
    for number, each in enumerate(details):
        told = growth(reached, each, now=NOW)
        reached, last = told.reached, number if told.grew else last
    return last


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (0, 1),
        (1, 1.5),
        ({"row": 5}, {"row": 6}),
        ({"row": 5, "at": "noon"}, {"row": 6, "at": "noon"}),
        ([5, 200], [6, 200]),
        ({"files": {"a": 5}}, {"files": {"a": 6}, "b": 1}),
    ],
)
def test_a_number_that_grows_is_progress(earlier: Any, later: Any) -> None:
    assert grew(earlier, later) == 1


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (None, None),
        (5, 5),
        (5, 4),
        ("page 1", "page 2"),
        (False, True),
        ({"row": 5}, {"line": 6}),
        (5, {"row": 6}),
        (NOW, NOW + 30),
        ({"at": NOW * 1000}, {"at": NOW * 1000 + 7}),
        ({"at": int(NOW) * 10**9}, {"at": int(NOW) * 10**9 + 1}),
        ("2026-01-01T12:00:00", "2026-01-01T12:00:01"),
        (1.0, math.nan),
        (1.0, math.inf),
        (1, 10**400),
    ],
)
def test_what_changes_without_growing_is_none(earlier: Any, later: Any) -> None:
    assert grew(earlier, later) is None


def test_only_what_is_beyond_all_earlier_values_counts() -> None:
    assert grew(0, 40, 0, 20, 40) == 1
    assert grew(0, 40, 0, 20, 41) == 4


def test_what_is_remembered_of_a_step_is_bounded() -> None:
    reached: Numbers = {}
    for number in range(3):
        details = {f"{number} {name}": 1 for name in range(100)}
        reached = growth(reached, details, now=NOW).reached

    assert len(reached) == MOST_NUMBERS
