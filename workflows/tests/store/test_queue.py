"""A claim takes the lease of the run whose turn it is, in one statement."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from workflows.api import RunState
from workflows.core.states import DUE_STATES
from workflows.models import Run
from workflows.store.queue import _OF_OWN, Code, claim_run, release_run
from workflows.tests.builders import (
    LEASE_SECONDS,
    PATIENCE_SECONDS,
    claim,
    connected,
    elsewhere,
    row,
)

MANY = 100_000
CODE = Code(["tests.made", "tests.other"], [1, 1])


def make(
    *,
    due_in_seconds: float = -1,
    state: RunState = RunState.PENDING,
    workflow: str = "tests.made",
    priority: int = 0,
) -> UUID:
    """Make a run that is due in so many seconds."""
    run_id = uuid4()
    Run.objects.create(
        pk=run_id,
        workflow=workflow,
        version=1,
        state=state,
        wake_at=Now() + timedelta(seconds=due_in_seconds),
        priority=priority,
    )
    return run_id


def claim_or_none() -> UUID | None:
    run = claim_run(worker_id=None, lease_seconds=LEASE_SECONDS)
    return None if run is None else run.id


@pytest.mark.django_db
@pytest.mark.parametrize("name", ['a"b', "a\\b", "a,b", "{a}", "NULL", "", "a b", "ä\n'"])
def test_a_workflow_of_any_name_is_found_by_it_and_no_other_is(name: str) -> None:
    other, named = make(workflow=f"{name}x"), make(workflow=name)

    claimed = claim_run(worker_id=None, lease_seconds=1, code=Code(["z", name], [1, 1]))

    assert claimed is not None and claimed.id == named != other


@pytest.mark.django_db
def test_the_run_that_has_been_due_longest_comes_first() -> None:
    young, old, middle = (make(due_in_seconds=-age) for age in (1, 100, 10))

    claimed = [claim_or_none() for _ in range(4)]

    assert claimed == [old, middle, young, None]


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(DUE_STATES))
def test_a_run_whose_time_has_not_come_is_left(state: RunState) -> None:
    make(due_in_seconds=60, state=state)

    assert claim_or_none() is None


@pytest.mark.django_db
def test_a_run_that_waits_for_an_event_alone_is_left() -> None:
    Run.objects.create(workflow="tests.made", version=1, state=RunState.WAITING, wake_at=None)

    assert claim_or_none() is None


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(set(RunState) - DUE_STATES))
def test_a_run_in_any_other_state_is_left(state: RunState) -> None:
    make(state=state)

    assert claim_or_none() is None


@pytest.mark.django_db
def test_a_claim_raises_the_attempt_and_takes_the_lease() -> None:
    run_id = make()
    Run.objects.filter(pk=run_id).update(waiting_for=["go"])

    run = claim(worker_id=7)

    stored = row(run_id)
    assert (stored["state"], stored["attempt"], stored["worker_id"]) == ("running", 1, 7)
    assert (stored["wake_at"], stored["waiting_for"]) == (None, [])
    assert stored["lease_until"] - run.now == pytest.approx(
        timedelta(seconds=LEASE_SECONDS), abs=timedelta(seconds=1)
    )
    assert run.attempt == 1


@pytest.mark.django_db
def test_the_first_claim_alone_says_when_the_run_started() -> None:
    run_id = make()
    claim()
    first = row(run_id)["started_at"]
    Run.objects.filter(pk=run_id).update(state=RunState.PENDING, wake_at=Now())

    again = claim()

    assert again.attempt == 2
    assert row(run_id)["started_at"] == first


@pytest.mark.django_db
def test_a_worker_takes_only_runs_it_has_code_for() -> None:
    make(due_in_seconds=-100)
    Run.objects.create(workflow="tests.made", version=2, wake_at=Now() - timedelta(seconds=1))

    run = claim_run(
        worker_id=None, lease_seconds=LEASE_SECONDS, code=Code(["tests.made", "a"], [2, 1])
    )

    assert run is not None
    assert run.version == 2
    assert claim_run(worker_id=None, lease_seconds=1, code=Code(["tests.made"], [2])) is None


@pytest.mark.django_db
def test_a_run_asked_for_by_its_id_is_claimed_though_another_has_been_due_longer() -> None:
    make(due_in_seconds=-100)
    wanted = make(due_in_seconds=-1)

    run = claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, only=wanted)

    assert run is not None
    assert run.id == wanted
    assert claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, only=wanted) is None


@pytest.mark.django_db
def test_a_compensating_run_is_claimed_in_its_state() -> None:
    run_id = make(state=RunState.COMPENSATING)

    run = claim()

    assert run.state == RunState.COMPENSATING
    assert row(run_id)["state"] == "compensating"
    assert claim_or_none() is None


@pytest.mark.django_db
def test_a_run_that_is_given_back_is_held_by_nobody() -> None:
    run_id = make()
    run = claim(worker_id=7)

    assert release_run(run)

    stored = row(run_id)
    assert (stored["worker_id"], stored["lease_until"]) == (None, None)


@pytest.mark.usefixtures("committed")
def test_two_connections_get_different_runs() -> None:
    first, second = make(due_in_seconds=-2), make(due_in_seconds=-1)

    with transaction.atomic():
        mine = claim_or_none()
        theirs = elsewhere(claim_or_none).result(PATIENCE_SECONDS)

    assert (mine, theirs) == (first, second)


@pytest.mark.usefixtures("committed")
def test_a_run_that_another_is_claiming_is_passed_over_not_waited_for() -> None:
    make()

    with transaction.atomic():
        claim_or_none()
        theirs = elsewhere(claim_or_none).result(PATIENCE_SECONDS)

    assert theirs is None


@pytest.mark.usefixtures("committed")
def test_a_run_that_an_open_transaction_refers_to_is_claimed_all_the_same() -> None:
    run_id = make()

    with connected() as own, own.transaction():
        own.execute("SELECT FROM workflows_run WHERE id = %s FOR KEY SHARE", [run_id])
        claimed = claim_or_none()

    assert claimed == run_id


@pytest.mark.django_db
def test_of_several_workflows_the_run_that_has_been_due_longest_comes_first() -> None:
    middle, old = make(due_in_seconds=-10), make(due_in_seconds=-100, workflow="tests.other")
    young = make(due_in_seconds=-1, workflow="tests.other")

    claimed = [claim_or_none() for _ in range(4)]

    assert claimed == [old, middle, young, None]


@pytest.mark.django_db
def test_the_highest_priority_goes_first_whatever_has_been_due_longer() -> None:
    low, usual = make(due_in_seconds=-100, priority=-1), make(due_in_seconds=-50)
    young, old = (make(due_in_seconds=-age, workflow="tests.other", priority=9) for age in (1, 10))
    make(due_in_seconds=60, priority=9)

    claimed = [claim_or_none() for _ in range(5)]

    assert claimed == [old, young, usual, low, None]


@pytest.mark.usefixtures("committed")
def test_a_claim_passes_on_to_the_next_workflow_and_holds_one_run_alone() -> None:
    first = make(due_in_seconds=-3)
    second = make(due_in_seconds=-2, workflow="tests.other")
    third = make(due_in_seconds=-1, workflow="tests.third")

    with transaction.atomic():
        mine = claim_or_none()
        theirs = [elsewhere(claim_or_none).result(PATIENCE_SECONDS) for _ in range(3)]

    assert (mine, theirs) == (first, [second, third, None])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("workflow", "minutes"), [("tests.made", "number"), ("tests.without_code", "-number")]
)
def test_a_claim_reads_neither_future_runs_nor_those_without_code_here(
    workflow: str, minutes: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflows_run (id, workflow, version, state, status, input, wake_at) "
            "SELECT gen_random_uuid(), %s, 1, 'waiting', '', '{}', "
            f"clock_timestamp() + ({minutes}) * interval '1 minute' "
            f"FROM generate_series(1, {MANY}) AS number",
            [workflow],
        )
        cursor.execute("ANALYZE workflows_run")
        due = make()
        values = {**CODE._asdict(), "worker_id": None, "lease_seconds": LEASE_SECONDS}
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + _OF_OWN.claim.text, values)
        plan = cursor.fetchone()[0]
    scans = list(scans_of_runs(plan if isinstance(plan, list) else json.loads(plan)))

    assert {scan.get("Index Name") for scan in scans} == {"run_turn_idx", "workflows_run_pkey"}
    assert all(scan["Actual Rows"] <= 1 for scan in scans)
    assert all(scan.get("Rows Removed by Filter", 0) == 0 for scan in scans)
    assert row(due)["state"] == "running"


def scans_of_runs(plan: Any) -> Any:
    """Yield every node of an explained plan that reads the table of runs."""
    if isinstance(plan, list):
        for each in plan:
            yield from scans_of_runs(each)
    elif isinstance(plan, dict):
        if plan.get("Relation Name") == "workflows_run" and "Scan" in plan["Node Type"]:
            yield plan
        for each in plan.values():
            yield from scans_of_runs(each)
