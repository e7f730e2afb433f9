"""Timings: one of three kinds; intervals from the epoch; chance within its bounds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from workflows.core.errors import InvalidInput
from workflows.core.timing import Timing, starts_at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_interval_ticks_at_its_multiples_whenever_one_asks() -> None:
    timing = Timing(every_seconds=900)

    ticks = timing.first_ticks(NOON + timedelta(minutes=7, seconds=3), 2)

    assert [f"{tick:%H:%M:%S}" for tick in ticks] == ["12:15:00", "12:30:00"]


def test_a_tick_is_not_its_own_next_one() -> None:
    assert Timing(every_seconds=1).next_after(NOON) == NOON + timedelta(seconds=1)


def test_a_single_tick_comes_once() -> None:
    timing = Timing(at=NOON)

    assert timing.first_ticks(NOON - HOUR, 3) == [NOON]
    assert timing.next_after(NOON) is None


def test_a_cron_line_is_read_in_its_zone() -> None:
    timing = Timing(cron="0 3 * * *", zone="Europe/Brussels")

    assert timing.next_after(NOON) == datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs one of"),
        ({"cron": "* * * * *", "every_seconds": 5}, "needs one of"),
        ({"every_seconds": 0.5}, "every_seconds is 0.5"),
        ({"every_seconds": float("nan")}, "every_seconds is nan"),
        ({"every_seconds": True}, "every_seconds is True"),
        ({"at": datetime.fromisoformat("2026-01-01")}, "aware datetime"),
        ({"every_seconds": 5, "zone": "Mars/Base"}, "no time zone"),
    ],
)
def test_a_timing_that_is_none_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Timing(**given)


@given(name=st.text(max_size=9), seconds=st.floats(0, 10_000), number=st.integers(0, 10_000))
def test_chance_delays_a_tick_within_its_bounds_and_never_into_the_next(
    name: str, seconds: float, number: int
) -> None:
    tick = NOON + number * HOUR

    begin = starts_at(name, tick, tick + HOUR, seconds)

    assert tick <= begin <= tick + timedelta(seconds=seconds)
    assert begin < tick + HOUR
    assert begin == starts_at(name, tick, tick + HOUR, seconds)


def test_chance_spreads_schedules_over_its_time() -> None:
    minutes = {starts_at(f"report {n}", NOON, NOON + HOUR, 3600).minute // 10 for n in range(100)}

    assert minutes == {0, 1, 2, 3, 4, 5}
