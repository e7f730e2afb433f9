"""Time that a test lets pass: for all runs, in order, never early, never waited for."""

import time
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from workflows.api import HistoryKind, RunState, get_history, get_run, list_runs, start
from workflows.models import Event
from workflows.testing import advance, drive_until_idle, fake, history_of, pass_time, send
from workflows.testing.clock import clock
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db
DAY = 86_400.0


def test_a_wait_times_out_when_its_time_has_come_and_not_before() -> None:
    run = start(stories.wait, seconds=3600.0)

    advance(seconds=3590)
    assert get_run(run.id).state == RunState.WAITING
    advance(seconds=20)

    assert history_of(run)[-2:] == [("wait_timed_out", ""), ("run_completed", "")]


def test_an_event_wins_however_late_it_is_in_the_window() -> None:
    run = start(stories.wait, seconds=3600.0)
    advance(seconds=3590)

    send(run, "go", {"a": 1})

    assert get_run(run.id).output == {"a": 1}


def test_the_times_a_workflow_sees_lie_days_apart_and_stay_at_replays() -> None:
    run = start(stories.days, count=3)

    began = time.monotonic()
    advance(seconds=3 * DAY + 60)

    times = [datetime.fromisoformat(each) for each in get_run(run.id).output]
    apart = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert all(DAY <= seconds < DAY + 60 for seconds in apart) and len(apart) == 3
    assert time.monotonic() - began < 30


def test_what_is_started_on_the_way_gets_its_own_time() -> None:
    run = start(stories.chain)

    advance(seconds=3600 + 1790)
    assert get_run(run.id).state == RunState.WAITING
    advance(seconds=60)

    assert get_run(run.id).output == "awake"


def test_runs_come_due_in_the_order_of_their_times() -> None:
    late = start(stories.nap, seconds=300.0)
    early = start(stories.nap, seconds=100.0)

    advance(seconds=1000)

    first, second = get_run(early.id).finished_at, get_run(late.id).finished_at
    assert [run.state for run in list_runs()] == [RunState.COMPLETED] * 2
    assert first is not None and second is not None and first < second
    assert ends(early.id) - ends(late.id) < timedelta(seconds=-190)


def test_retries_follow_after_their_delays() -> None:
    run = start(stories.fetch_one)

    with fake(stories.fetch, results=[ValueError("a"), ValueError("b"), 7]) as fetch:
        advance(seconds=50)
        assert len(fetch.calls) == 1
        advance(seconds=20)
        assert len(fetch.calls) == 2
        advance(seconds=130)

    assert get_run(run.id).output == 7


def test_branches_that_failed_at_different_times_are_tried_at_their_own() -> None:
    run = start(stories.fetch_all)
    tried: list[int] = []

    def often(number: int) -> int:
        tried.append(number)
        if number == 1 and tried.count(1) < 3:
            raise ValueError
        return number

    with fake(stories.fetch, does=often):
        advance(seconds=70)
        assert tried == [1, 2, 1]
        advance(seconds=120)

    assert get_run(run.id).output == [1, 2]


@pytest.mark.parametrize(("waits", "state"), [(40.0, RunState.COMPLETED), (60.0, RunState.FAILED)])
def test_a_deadline_counts_from_the_start_of_the_run(waits: float, state: RunState) -> None:
    run = start(stories.limited, waits=waits)

    advance(seconds=2 * waits + 5)

    assert get_run(run.id).state == state


def test_pass_time_lets_one_timer_come() -> None:
    run = start(stories.days, count=2)
    drive_until_idle()

    for _ in range(2):
        pass_time(run)
        assert drive_until_idle() == 1

    assert get_run(run.id).state == RunState.COMPLETED


def test_pass_time_of_a_run_that_is_overdue_turns_no_clock_back() -> None:
    run = start(stories.days, count=1)
    drive_until_idle()
    clock.move(timedelta(days=100))
    before = clock.now()

    pass_time(run)

    assert clock.now() >= before


def test_an_event_sent_twice_with_its_key_is_one() -> None:
    run = start(stories.wait)
    drive_until_idle()

    send(run, "unheard", key="k")
    send(run, "unheard", key="k")

    assert Event.objects.filter(run_id=run.id).count() == 1


def test_pass_time_of_a_run_that_waits_for_no_time_says_so() -> None:
    run = start(stories.wait)
    drive_until_idle()

    with pytest.raises(AssertionError, match="waits for no time"):
        pass_time(run.id)


def test_time_is_given_in_seconds_or_as_a_timedelta() -> None:
    run = start(stories.days, count=3)

    advance(86_400 + 60)
    advance(timedelta(days=1))
    advance(seconds=timedelta(days=1))

    assert get_run(run).state == RunState.COMPLETED


@pytest.mark.parametrize(
    "seconds", [None, "60", timedelta(seconds=-1), float("nan"), 1e12, timedelta.max]
)
def test_what_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="is not a number of seconds from 0 up"):
        advance(seconds)


def test_advance_without_runs_ends_at_once_and_takes_no_negative_time() -> None:
    assert advance(seconds=1e9) == 0
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not a number of seconds"):
            advance(seconds=wrong)


def test_time_of_another_test_is_forgotten_with_its_runs() -> None:
    start(stories.nap, seconds=1.0)
    advance(seconds=10 * DAY)
    assert clock.now() - timezone.now() > timedelta(days=9)
    forget_runs()

    run = start(stories.nap, seconds=1.0)

    assert abs(run.created_at - timezone.now()) < timedelta(minutes=1)
    assert drive_until_idle() == 1


def test_a_run_without_end_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.testing.driving.ENOUGH", 3)
    for _ in range(4):
        start(stories.wait)

    with pytest.raises(AssertionError, match="after 3 drives"):
        drive_until_idle()


class InATransaction(TestCase):
    """Django's own classes, without a fixture of ours."""

    def test_days_pass(self) -> None:
        run = start(stories.days, count=2)

        advance(seconds=2 * DAY + 60)

        self.assertEqual(get_run(run.id).state, RunState.COMPLETED)

    test_days_pass_again = test_days_pass


@pytest.mark.usefixtures("no_flush")
class WithCommits(TransactionTestCase):
    """The same where every statement commits, and branches run in threads."""

    def tearDown(self) -> None:
        forget_runs()

    def test_days_pass(self) -> None:
        run = start(stories.days, count=2)

        advance(seconds=2 * DAY + 60)

        self.assertEqual(get_run(run.id).state, RunState.COMPLETED)

    def test_branches_in_threads_are_tried_again(self) -> None:
        run = start(stories.fetch_all)

        with fake(stories.fetch, results=[ValueError(), ValueError(), 5, 5]):
            advance(seconds=70)

        self.assertEqual(get_run(run.id).output, [5, 5])


def ends(run_id: UUID) -> datetime:
    [at] = [each.at for each in get_history(run_id) if each.kind == HistoryKind.SLEEP_ENDED]
    return at


def forget_runs() -> None:
    """Delete every run, as the end of a test does."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")
        for table in ("workflows_event", "workflows_history", "workflows_run"):
            cursor.execute(f"DELETE FROM {table}")
