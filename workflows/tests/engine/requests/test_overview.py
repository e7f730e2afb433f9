"""The overview: what is due, driven, waiting and in trouble, counted and capped."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from workflows.api import (
    Context,
    Permanent,
    RetryPolicy,
    load_overview,
    pause,
    start,
    step,
    workflow,
)
from workflows.core.figures import Counted, Figure, Grain, Place, Subject
from workflows.core.overview import Count
from workflows.models import Run
from workflows.store import overview as store
from workflows.store.statistics import add_figures
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, counted_statements, started_and_claimed
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.store.worker_rows import living_worker

pytestmark = pytest.mark.django_db


@step(retry=RetryPolicy(attempts=9, first_delay_seconds=3600))
def never() -> None:
    """Fail each time."""
    raise ConnectionError("no")


@workflow("tests.retries")
def retries(run: Context) -> None:
    """It waits for its next try."""
    run.step(never)


@workflow("tests.sleeps")
def sleeps(run: Context) -> None:
    """It sleeps."""
    run.sleep(3600)


@workflow("tests.has_child")
def has_child(run: Context) -> None:
    """It waits for its child, which waits for an event."""
    run.start_child(wait_for_go).result()


@workflow("tests.broken")
def broken(run: Context, why: str = "no") -> None:
    """It fails."""
    raise Permanent(why)


def test_nothing_is_an_overview_too() -> None:
    told = load_overview()

    assert (told.due, told.running, told.failed, told.workers) == (Count(0), 0, (), ())
    assert told.waiting == dict.fromkeys(["event", "child", "limit", "time", "retry"], Count(0))
    assert told.figures_behind_seconds is None
    assert not told.flows, "nobody works"


def test_what_runs_wait_for() -> None:
    for flow in (retries, sleeps, has_child, wait_for_go):
        start(flow)
    start.using(at=datetime.now(UTC) + timedelta(hours=1))(greet_once, name="later")
    drive_until_idle()

    waiting = load_overview().waiting

    assert waiting == {
        "event": Count(2),
        "child": Count(1),
        "limit": Count(0),
        "time": Count(2),
        "retry": Count(1),
    }


def test_what_is_due_held_paused_and_late() -> None:
    started_and_claimed(greet_once, name="held")
    pause(start(greet_once, name="paused").id)
    for name in ("due", "late"):
        start(greet_once, name=name)
    late = Run.objects.filter(input__name="late")
    late.update(wake_at=Now() - timedelta(minutes=10))

    told = load_overview()

    assert (told.due, told.late, told.running, told.paused) == (Count(2), Count(1), 1, Count(1))
    assert 600 <= told.oldest_due_seconds < 700
    assert not told.flows


def test_failures_of_the_last_hour_by_workflow_and_error() -> None:
    for why in ("no", "no", "never"):
        start(broken, why=why)
    start(broken, why="yesterday")
    drive_until_idle()
    Run.objects.filter(input__why="yesterday").update(finished_at=Now() - timedelta(hours=2))

    failed = load_overview().failed

    assert [(each.workflow, each.message, each.kind, each.runs) for each in failed] == [
        ("tests.broken", "no", "business", 2),
        ("tests.broken", "never", "business", 1),
    ]


def test_counting_stops_and_says_so() -> None:
    assert str(Count(10_000, True)) == "at least 10,000"
    assert str(Count(3)) == "3"
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO workflows_run (id, workflow, version, state, status, input, wake_at, waiting_for)
            SELECT gen_random_uuid(), 'tests.many', 1,
                   CASE WHEN n %% 2 = 0 THEN 'pending' ELSE 'waiting' END, '', '{}',
                   CASE WHEN n %% 2 = 0 THEN now() END, ARRAY['go']
            FROM generate_series(1, %s) AS n
            """,
            [2 * store.MOST_COUNTED + 2],
        )

    told = load_overview()

    assert told.due == Count(store.MOST_COUNTED, True)
    assert told.waiting["event"] == Count(store.MOST_COUNTED, True)


def test_throughput_of_the_last_minutes() -> None:
    subject = Subject(Counted.ENDED, "tests.greet", 1, "completed")
    add_figures(
        {Place(Grain.MINUTE, datetime.now(UTC) - timedelta(minutes=1), subject): Figure(10)}
    )

    [told] = load_overview().throughput

    assert told == ("completed", 10, 2.0)


@pytest.mark.usefixtures("committed")
def test_workers_and_what_they_drive() -> None:
    with living_worker() as worker_id:
        start(greet_once, name="Ann")
        claim(worker_id=worker_id)

        [worker] = load_overview().workers

    assert (worker.id, worker.host, worker.driving, worker.slots) == (worker_id, "here", 1, 1)
    assert worker.code == "", "it does not say"


def test_it_is_a_counted_number_of_statements() -> None:
    with counted_statements() as sent:
        load_overview()

    assert len(sent) <= 14


def test_paused_and_blocked_runs_are_found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = []
        for statement in (
            store._DUE,
            store._WAITING,
            store._SET_ASIDE,
            store._FAILED,
            store._BLOCKED,
        ):
            cursor.execute(f"EXPLAIN {statement.text}", [] if "%%" not in statement.text else {})
            plans.append("\n".join(line for [line] in cursor.fetchall()))

    assert not [plan for plan in plans if "Seq Scan on workflows_run" in plan]
    assert "run_paused_idx" in plans[2]
