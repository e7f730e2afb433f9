"""Details of heartbeats that grow beyond any earlier value are progress; times of day are not."""

import math
from typing import Any

import pytest

from workflows.core.growth import MOST_NUMBERS, MOST_STEPS, Growth

NOW = 1_790_000_000.0


def grew(*details: Any, before: dict[int, dict[str, float]] | None = None) -> int | None:
    """Return with which of these heartbeats of one step its details last grew."""
    growth, last = Growth(before or {}, None), None
    for number, each in enumerate(details):
        _, last = growth.take(1, each, attempt=number, now=NOW)
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
    assert grew(150, before={1: {"": 200}}) is None
    assert grew(201, before={1: {"": 200}}) == 0


def test_steps_beside_each_other_are_told_apart() -> None:
    growth = Growth({}, None)

    growth.take(1, 200, attempt=1, now=NOW)
    growth.take(2, 0, attempt=1, now=NOW)
    reached, last = growth.take(1, 100, attempt=2, now=NOW)

    assert reached == {1: {"": 200}, 2: {"": 0}}
    assert last is None


def test_what_is_remembered_is_bounded() -> None:
    growth = Growth({}, None)

    for position in range(100):
        for number in range(3):
            details = {f"{number} {name}": 1 for name in range(100)}
            reached, _ = growth.take(position, details, attempt=1, now=NOW)

    assert len(reached) == MOST_STEPS
    assert {len(found) for found in reached.values()} == {MOST_NUMBERS}
