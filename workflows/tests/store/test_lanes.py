"""Tenants take turns: one with many due runs delays the others little."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from workflows.core.run import ClaimedRun
from workflows.core.states import DUE_STATES, RunState
from workflows.core.turns import AMONG_SEVERAL, Turns
from workflows.models import Run
from workflows.store import lanes
from workflows.store.queue import Code, claim_run
from workflows.tests.builders import LEASE_SECONDS, PATIENCE_SECONDS, elsewhere

BACKLOG = 10_000


def make(
    tenant: str,
    *,
    due_in_seconds: float = -1,
    workflow: str = "tests.made",
    state: RunState = RunState.PENDING,
    priority: int = 0,
) -> UUID:
    run = Run.objects.create(
        workflow=workflow,
        version=1,
        state=state,
        tenant=tenant,
        priority=priority,
        wake_at=Now() + timedelta(seconds=due_in_seconds),
    )
    return run.pk


def backlog(tenant: str, runs: int = BACKLOG, *, state: RunState = RunState.PENDING) -> None:
    """Make runs that have been due for an hour."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflows_run (id, workflow, version, state, status, input, wake_at, tenant) "
            "SELECT gen_random_uuid(), 'tests.made', 1, %s, '', '{}', "
            "clock_timestamp() - interval '1 hour', %s FROM generate_series(1, %s)",
            [state, tenant, runs],
        )


def take(turns: Turns, code: Code | None = None) -> ClaimedRun | None:
    return claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, turns=turns, code=code)


def tenants(turns: Turns, claims: int, code: Code | None = None) -> list[str]:
    """Return whose runs so many claims take."""
    taken = [take(turns, code) for _ in range(claims)]
    return [run.tenant for run in taken if run is not None]


def in_turn(after: str = "") -> Turns:
    """Return the memory of a worker whose next claim is in turn."""
    turns = Turns()
    turns.took("somebody else", in_turn=False)
    turns.took(after or "~", in_turn=True)
    for _ in range(AMONG_SEVERAL - 1):
        turns.next()
    return turns


@pytest.mark.django_db
def test_a_tenant_with_many_due_runs_delays_anothers_first_by_a_few_drives() -> None:
    backlog("ann")
    make("bob")
    make("cleo")

    taken = tenants(Turns(), 20)

    assert taken.index("bob") < 16
    assert taken.index("cleo") < 16


@pytest.mark.django_db
def test_runs_without_a_tenant_and_those_of_tenants_do_not_starve_each_other() -> None:
    backlog("")
    backlog("ann", 100)

    taken = tenants(Turns(), 40)

    assert 10 < taken.count("ann") < 30


@pytest.mark.django_db
@pytest.mark.parametrize("state", [RunState.WAITING, RunState.COMPENSATING])
def test_a_run_that_slept_has_its_turn_too(state: RunState) -> None:
    backlog("ann")
    slept = make("bob", state=state)
    turns = in_turn()

    taken = [take(turns) for _ in range(3 * AMONG_SEVERAL)]

    assert slept in [run.id for run in taken if run is not None]
    assert not Run.objects.get(pk=slept).woken


@pytest.mark.django_db
def test_many_that_sleep_take_no_turn_from_whoever_is_due() -> None:
    backlog("zoe")
    for number in range(2 * lanes.MOST_PASSED):
        make(f"sleeper {number}", due_in_seconds=60, state=RunState.WAITING)
    make("bob")

    assert "bob" in tenants(in_turn("zoe"), 2 * AMONG_SEVERAL)


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(set(RunState) - DUE_STATES))
def test_a_run_in_any_other_state_has_no_turn(state: RunState) -> None:
    Run.objects.filter(pk=make("ann", state=state)).update(woken=True)

    assert take(in_turn()) is None


@pytest.mark.django_db
def test_a_run_whose_time_has_not_come_has_no_turn() -> None:
    make("ann", due_in_seconds=60)

    assert take(in_turn()) is None


@pytest.mark.django_db
def test_the_highest_priority_goes_first_whoever_is_next() -> None:
    make("zoe", due_in_seconds=-100)
    urgent = make("bob", priority=3)

    run = take(in_turn("zz"))

    assert run is not None and run.id == urgent


@pytest.mark.django_db
def test_of_a_tenant_what_has_been_due_longest_is_taken_of_whatever_workflow() -> None:
    backlog("zoe", 10)
    ages = (("tests.b", 5), ("tests.a", 50), ("tests.c", 20), ("tests.a", 1))
    made = [make("bob", due_in_seconds=-age, workflow=name) for name, age in ages]

    taken = [take(in_turn("zoe")) for _ in ages]

    assert [run.id for run in taken if run] == [made[1], made[2], made[0], made[3]]


@pytest.mark.django_db
def test_a_tenant_whose_code_is_not_here_is_passed() -> None:
    backlog("zoe", 10)
    make("bob", workflow="tests.foreign")
    own = make("ann")

    run = take(in_turn("zoe"), Code(["tests.made"], [1]))

    assert run is not None and run.id == own


@pytest.mark.usefixtures("committed")
def test_a_run_that_another_is_claiming_is_passed_for_the_next_tenants() -> None:
    backlog("zoe", 10)
    bob, ann = make("bob"), make("ann")

    with transaction.atomic():
        mine = take(in_turn("zoe"))
        theirs = elsewhere(lambda: take(in_turn("zoe"))).result(PATIENCE_SECONDS)

    assert mine is not None and mine.id == bob
    assert theirs is not None and theirs.id == ann


@pytest.mark.django_db
def test_where_no_tenant_has_anything_time_decides() -> None:
    run_id = make("")

    run = take(in_turn())

    assert run is not None and run.id == run_id
