"""Schedules: what becomes of ticks, by overlap, after an outage, and by chance."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from workflows.core.errors import InvalidInput
from workflows.core.schedule import (
    MOST_AT_ONCE,
    MOST_COUNTED,
    Overlap,
    Plan,
    Rules,
    Schedule,
    begun_at,
    key_of,
    plan,
)
from workflows.core.timing import Timing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOURLY = Timing(every_seconds=3600)


def schedule(timing: Timing = HOURLY, waiting: Iterable[datetime] = (), **rules: Any) -> Schedule:
    return begun_at(
        Schedule(
            name="report",
            rules=Rules(workflow="tests.report", timing=timing, **rules),
            in_code=False,
            removed=False,
            paused_at=None,
            paused_by="",
            pause_note="",
            done_until=NOON,
            next_tick=None,
            next_at=None,
            last_tick=None,
            last_run_id=None,
            open_runs=(),
            waiting=tuple(waiting),
            started=0,
            skipped=0,
            missed=0,
            problem="",
        ),
        NOON,
    )


def hours(plan: Plan) -> tuple[list[int], list[int]]:
    """Return the hours of the ticks that start and of those that wait."""
    return [tick.hour for tick in plan.start], [tick.hour for tick in plan.waiting]


def test_nothing_is_due_before_the_tick() -> None:
    told = plan(schedule(), NOON + 59 * MINUTE, is_busy=False)

    assert (hours(told), told.done_until, told.next_at) == (([], []), NOON, NOON + HOUR)


def test_a_tick_is_done_once() -> None:
    first = plan(schedule(), NOON + HOUR, is_busy=False)
    again = plan(
        replace(schedule(), done_until=first.done_until), NOON + HOUR + MINUTE, is_busy=False
    )

    assert (hours(first), hours(again)) == (([13], []), ([], []))
    assert first.next_tick == NOON + 2 * HOUR


@pytest.mark.parametrize(
    ("overlap", "is_busy", "starts", "waits", "skipped"),
    [
        ("skip", False, [13], [], 2),
        ("skip", True, [], [], 3),
        ("queue one", False, [13], [14], 1),
        ("queue one", True, [], [13], 2),
        ("queue all", False, [13], [14, 15], 0),
        ("queue all", True, [], [13, 14, 15], 0),
        ("cancel previous", False, [15], [], 2),
        ("cancel previous", True, [], [15], 2),
        ("allow", False, [13, 14, 15], [], 0),
        ("allow", True, [13, 14, 15], [], 0),
    ],
)
def test_three_ticks_at_once_by_overlap(
    overlap: str, is_busy: bool, starts: list[int], waits: list[int], skipped: int
) -> None:
    due = schedule(overlap=overlap, catch_up_seconds=86_400)

    told = plan(due, NOON + 3 * HOUR, is_busy=is_busy)

    assert (hours(told), told.skipped) == ((starts, waits), skipped)
    assert told.cancels == (overlap == "cancel previous" and is_busy)


@pytest.mark.parametrize("overlap", ["skip", "queue one", "queue all", "cancel previous"])
def test_what_waits_is_looked_at_within_a_second_and_starts_once_nobody_is_open(
    overlap: str,
) -> None:
    waiting = schedule(overlap=overlap, waiting=[NOON])

    held = plan(waiting, NOON + MINUTE, is_busy=True)
    freed = plan(waiting, NOON + MINUTE, is_busy=False)

    assert (hours(held), held.next_at) == (([], [12]), NOON + MINUTE + timedelta(seconds=1))
    assert (hours(freed), freed.next_at) == (([12], []), NOON + HOUR)


def test_a_new_tick_takes_the_place_of_the_one_that_waits_for_a_cancel() -> None:
    waiting = schedule(overlap="cancel previous", waiting=[NOON])

    told = plan(waiting, NOON + HOUR, is_busy=True)

    assert (hours(told), told.skipped, told.cancels) == (([], [13]), 1, True)


def test_with_queue_one_the_tick_that_waits_keeps_its_place() -> None:
    told = plan(schedule(overlap="queue one", waiting=[NOON]), NOON + HOUR, is_busy=True)

    assert (hours(told), told.skipped) == (([], [12]), 1)


def test_after_a_day_of_downtime_only_the_window_is_caught_up_with() -> None:
    hourly = schedule(overlap="allow", catch_up_seconds=3 * 3600)

    told = plan(hourly, NOON + DAY + MINUTE, is_busy=False)

    assert (hours(told), told.missed) == (([10, 11, 12], []), 21)
    assert told.next_tick == NOON + DAY + HOUR


def test_after_a_day_of_downtime_a_tick_of_the_night_before_is_missed() -> None:
    nightly = schedule(Timing(cron="0 3 * * *"), catch_up_seconds=3600)

    told = plan(nightly, NOON + DAY, is_busy=False)

    assert (told.start, told.missed, told.next_tick) == ((), 1, NOON + DAY + 15 * HOUR)


def test_a_day_of_seconds_is_passed_over_without_counting_each() -> None:
    every_second = schedule(Timing(every_seconds=1), overlap="allow", catch_up_seconds=10)

    told = plan(every_second, NOON + DAY, is_busy=False)

    assert (len(told.start), told.missed) == (11, MOST_COUNTED)
    assert told.done_until == NOON + DAY


def test_many_ticks_are_done_in_turns_and_none_twice() -> None:
    late = schedule(Timing(every_seconds=1), overlap="allow")
    now = NOON + timedelta(seconds=250)
    begun: list[datetime] = []

    while (told := plan(late, now, is_busy=True)).start:
        assert len(told.start) <= MOST_AT_ONCE
        begun += told.start
        late = replace(late, done_until=told.done_until)

    assert begun == [NOON + timedelta(seconds=n) for n in range(1, 251)]


def test_a_single_tick_that_lies_a_little_back_comes_all_the_same() -> None:
    once = schedule(Timing(at=NOON - MINUTE))

    told = plan(once, NOON, is_busy=False)

    assert (told.start, told.next_tick, told.next_at) == ((NOON - MINUTE,), None, None)


def test_a_single_tick_that_was_started_does_not_come_again_after_a_pause() -> None:
    once = replace(schedule(Timing(at=NOON - MINUTE)), last_tick=NOON - MINUTE)

    assert begun_at(once, NOON).next_at is None


def test_a_key_names_the_schedule_and_the_moment_whatever_the_zone_it_is_told_in() -> None:
    assert key_of("report", NOON) == "schedule:report:2026-03-01T12:00:00Z"


@given(
    jitter=st.floats(0, 4000),
    looks=st.lists(st.integers(0, 7200), max_size=40),
    catch_up=st.floats(10, 7200),
)
def test_whenever_one_looks_each_tick_starts_once_in_its_time_or_is_missed(
    jitter: float, looks: list[int], catch_up: float
) -> None:
    going = schedule(overlap="allow", jitter_seconds=jitter, catch_up_seconds=catch_up)
    now, missed = NOON, 0
    begun: list[datetime] = []

    for pause in looks:
        now += timedelta(seconds=pause)
        told = plan(going, now, is_busy=False)
        for tick in told.start:
            assert tick <= going.starts_at(tick) <= now
        begun += told.start
        missed += told.missed
        going = replace(going, done_until=told.done_until)
        assert told.next_at is not None and told.next_at > now

    ticks = HOURLY.first_ticks(NOON, len(begun) + missed)
    assert len(set(begun)) == len(begun)
    assert set(begun) <= set(ticks)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"overlap": "sometimes"}, "overlap is 'sometimes'"),
        ({"catch_up_seconds": 5}, "catch_up_seconds is 5"),
        ({"jitter_seconds": -1}, "jitter_seconds is -1"),
        ({"jitter_seconds": True}, "jitter_seconds is True"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Rules(workflow="tests.report", timing=HOURLY, **rules)


def test_overlaps_are_told_as_they_are_written() -> None:
    assert Rules(workflow="w", timing=HOURLY, overlap=Overlap("queue one")).overlap == "queue one"
