"""A profiled run is driven to its end here, and nothing of it is left."""

from cProfile import Profile
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection

from workflows.api import Context, RetryPolicy, RunState, get_run, start, step, workflow
from workflows.engine.profiling import profiled_run
from workflows.engine.profiling.profiled_run import Plan, profile_run
from workflows.models import Run
from workflows.tests.builders import connected
from workflows.tests.flows import greet, greet_once, notes

pytestmark = pytest.mark.django_db


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=3600))
def found_group(name: str) -> int:
    """Fail once, then write a row."""
    notes.note("found group")
    if notes.count("found group") == 1:
        raise ConnectionError("away")
    return Group.objects.create(name=name).pk


@workflow("tests.profiled")
def profiled(run: Context, name: str) -> None:
    """Sleeps, retries, waits, has a child, goes on as a new run."""
    if name in ("again", "never"):
        run.step(greet, name)
        return
    run.sleep(86_400)
    run.step(found_group, name)
    child = run.start_child(greet_once, name=name)
    assert child.result() == f"Hello, {name}"
    told = run.wait_event("go", timeout_seconds=60)
    run.continue_as_new(name="again" if told == "again" else "never")


@workflow("tests.profiled_for_ever")
def for_ever(run: Context) -> None:
    """Has no end."""
    while True:
        run.sleep(60)


@step
def break_the_transaction() -> None:
    """Send what PostgreSQL refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


@workflow("tests.profiled_breaks")
def breaks(run: Context) -> None:
    """One step."""
    run.step(break_the_transaction)


def plan(**more: Any) -> Plan:
    return Plan(**{"workflow": "tests.profiled", "input": '{"name": "Ann"}', **more})


def test_a_run_is_driven_to_its_end_with_all_that_it_starts() -> None:
    found = profile_run(plan(events=(("go", "again"),)), Profile())

    assert (found.run.state, found.runs) == (RunState.COMPLETED, 3)
    assert found.run.continued_as is not None
    assert found.drives >= 5
    assert notes.done == ["found group", "found group", "greet Ann", "greet again"]


def test_nothing_of_it_is_left() -> None:
    profile_run(plan(), Profile())

    assert (Run.objects.count(), Group.objects.count()) == (0, 0)


def test_no_cluster_sees_it(committed: None) -> None:
    seen: list[Any] = []

    @step
    def look() -> None:
        with connected() as own:
            seen.append(own.execute("SELECT count(*) FROM workflows_run").fetchone())

    @workflow("tests.profiled_unseen")
    def unseen(run: Context) -> None:
        run.step(look)

    profile_run(plan(workflow="tests.profiled_unseen", input={}), Profile())

    assert seen == [(0,)]
    assert Run.objects.count() == 0


def test_runs_that_are_due_are_left_to_the_clusters() -> None:
    other = start(greet_once, name="Bob")

    profile_run(plan(workflow="tests.greet", input={"name": "Ann"}), Profile())

    assert get_run(other.id) == other
    assert notes.done == ["greet Ann"]


def test_a_run_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiled_run, "MOST_DRIVES", 5)

    found = profile_run(plan(workflow="tests.profiled_for_ever", input={}), Profile())

    assert (found.run.state, found.drives) == (RunState.WAITING, 5)


def test_time_is_the_real_one_afterwards() -> None:
    profile_run(plan(), Profile())

    run = start(greet_once, name="Ann")

    assert abs((run.created_at - start(greet_once, name="Bob").created_at).total_seconds()) < 60


def test_a_step_that_breaks_the_transaction_ends_the_profile_with_the_reason() -> None:
    with pytest.raises(DatabaseError):
        profile_run(plan(workflow="tests.profiled_breaks", input={}), Profile())

    assert Run.objects.count() == 0
