"""Runs that wait for the pool of a step: they are found by their own index, and cost nobody else anything."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now

from workflows.models import Run
from workflows.store.guests import Guests
from workflows.store.queue import _OF_GUESTS_TOO, Code, claim_run, look_ahead
from workflows.tests.builders import LEASE_SECONDS, connected, expire_lease, row, swept

MANY = 50_000
CODE = Code(["tests.made"], [1], Guests(["gpu"], ["tests.made", "tests.other"], [1, 1]))


def make(pool: str = "gpu", *, due_in_seconds: float = -1, **given: Any) -> UUID:
    """Make a run that waits for a pool."""
    given = {"workflow": "tests.other", "version": 1, "state": "waiting", **given}
    at = Now() + timedelta(seconds=due_in_seconds)
    return Run.objects.create(pk=uuid4(), step_pool=pool, step_due_at=at, **given).pk


def taken(code: Code | None = CODE) -> tuple[UUID, str] | None:
    run = claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, code=code)
    return None if run is None else (run.id, run.step_pool)


@pytest.mark.django_db
def test_a_guest_of_a_pool_that_is_served_is_taken_once() -> None:
    run = make()
    for _ in ("tpu", "tape"):
        make(_)
    make(workflow="tests.unknown")
    make(due_in_seconds=60)

    assert taken() == (run, "gpu")
    assert taken() is None
    assert (row(run)["step_pool"], row(run)["step_due_at"]) == ("", None)


@pytest.mark.django_db
def test_whoever_serves_no_pools_of_steps_sees_no_guests() -> None:
    make()

    assert taken(CODE._replace(guests=None)) is None


@pytest.mark.django_db
def test_without_code_being_named_all_guests_are_taken() -> None:
    runs = {make("gpu"), make("tpu", workflow="tests.unknown")}

    both = [taken(None), taken(None)]

    assert {each[0] for each in both if each} == runs


@pytest.mark.django_db
def test_a_run_that_is_due_in_two_pools_is_taken_in_the_one_where_it_was_due_first() -> None:
    own = make(workflow="tests.made", wake_at=Now() - timedelta(seconds=5))
    guest = make(workflow="tests.made", wake_at=Now() + timedelta(seconds=5))

    assert taken() == (own, "")
    assert taken() == (guest, "gpu")
    assert taken() is None


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["paused", "cancelled", "failed", "running", "blocked"])
def test_what_is_not_due_by_its_state_is_not_taken(state: str) -> None:
    make(state=state)

    assert taken() is None


@pytest.mark.django_db
def test_one_that_an_older_release_drives_is_left_to_it() -> None:
    make(state="compensating", lease_until=Now() + timedelta(minutes=1))

    assert taken() is None


@pytest.mark.usefixtures("committed")
def test_one_whose_worker_was_lost_is_due_in_its_own_pool() -> None:
    run = make(workflow="tests.made")
    assert taken() == (run, "gpu")
    expire_lease(run)
    swept()

    assert taken() == (run, "")


@pytest.mark.usefixtures("committed")
def test_the_look_ahead_counts_guests_and_knows_when_the_next_is_due() -> None:
    make(due_in_seconds=60)
    with connected() as own:
        later = look_ahead(own, limit=5, code=CODE)
        for _ in range(3):
            make()
        due = look_ahead(own, limit=5, code=CODE)
        none = look_ahead(own, limit=5, code=CODE._replace(guests=None))

    assert later.runs == 0
    assert 50 < (later.next_seconds or 0) < 61
    assert (due.runs, none.runs, none.next_seconds) == (3, 0, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pool", "minutes"), [("gpu", "number"), ("tpu", "-number"), ("zpu", "-number")]
)
def test_a_claim_reads_neither_future_guests_nor_those_of_other_pools(
    pool: str, minutes: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflows_run (id, workflow, version, state, status, input, step_pool, step_due_at) "
            "SELECT gen_random_uuid(), 'tests.made', 1, 'waiting', '', '{}', %s, "
            f"clock_timestamp() + ({minutes}) * interval '1 minute' "
            f"FROM generate_series(1, {MANY}) AS number",
            [pool],
        )
        cursor.execute("ANALYZE workflows_run")
        due = make(workflow="tests.made")
        values: dict[str, Any] = {
            "names": ["tests.made"],
            "versions": [1],
            "worker_id": None,
            "pools": ["gpu"],
            "guest_names": ["tests.made"],
            "guest_versions": [1],
            "lease_seconds": LEASE_SECONDS,
        }
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + _OF_GUESTS_TOO.claim.text, values)
        plan = cursor.fetchone()[0]
    scans = list(scans_of_runs(plan if isinstance(plan, list) else json.loads(plan)))

    indexes = {scan.get("Index Name") for scan in scans}
    assert indexes == {"run_turn_idx", "run_step_pool_idx", "workflows_run_pkey"}
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
