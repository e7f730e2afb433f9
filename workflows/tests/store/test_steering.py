"""What operators' verbs change: in which states, in which columns, and with which lines."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from workflows.api import HistoryKind, get_history, start
from workflows.core.states import RunState
from workflows.models import Run
from workflows.store.steering import cancel_run, compensate_run, lock_tree, wake_run
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    connected,
    elsewhere,
    kinds,
    row,
    somebody_waits_for_a_lock,
    until,
)
from workflows.tests.flows import wait_for_go

R = TypeVar("R")
CANCELLABLE = {
    *(RunState.PENDING, RunState.WAITING, RunState.PAUSED, RunState.BLOCKED, RunState.RUNNING)
}
OPEN = {*CANCELLABLE, RunState.CANCELLING}
ERROR = {"type": "ValueError", "message": "a mistake"}
FULL = {"error": ERROR, "compensation_error": ERROR, "crashes": 3, "waiting_for": ["go"]}


def made(state: RunState, **columns: Any) -> UUID:
    return Run.objects.create(workflow="tests.made", version=1, state=state, **columns).pk


def cancelled(run_id: UUID) -> bool | None:
    done = cancel_run(run_id, reason="enough", by="alice")
    return None if done is None else done.now is not None


def in_a_transaction(function: Callable[[], R]) -> R:
    with transaction.atomic():
        return function()


@pytest.mark.django_db
@pytest.mark.parametrize("undo_on_cancel", [True, False])
@pytest.mark.parametrize("state", sorted(RunState))
def test_a_cancel_changes_what_goes_and_nothing_else(state: RunState, undo_on_cancel: bool) -> None:
    run_id = made(state, undo_on_cancel=undo_on_cancel)
    before = row(run_id)

    done = cancelled(run_id)

    assert done is (state in CANCELLABLE)
    assert (row(run_id) != before) is done
    assert bool(kinds(run_id)) is done


@pytest.mark.django_db
@pytest.mark.parametrize("undo_on_cancel", [True, False])
@pytest.mark.parametrize("state", sorted(CANCELLABLE))
def test_a_cancel_ends_the_run_or_lets_somebody_undo_it_or_asks_its_worker(
    state: RunState, undo_on_cancel: bool
) -> None:
    run_id = made(state, undo_on_cancel=undo_on_cancel, waiting_for=["go"], wake_at=Now())

    cancelled(run_id)

    stored, lines = row(run_id), kinds(run_id)
    times = (stored["finished_at"] is not None, stored["wake_at"] is not None)
    if state == RunState.RUNNING:
        assert (stored["state"], times) == (RunState.CANCELLING, (False, False))
        assert lines == [HistoryKind.CANCEL_REQUESTED]
    elif undo_on_cancel:
        assert (stored["state"], times) == (RunState.COMPENSATING, (False, True))
        assert lines == [HistoryKind.CANCEL_REQUESTED, HistoryKind.COMPENSATION_STARTED]
    else:
        assert (stored["state"], times) == (RunState.CANCELLED, (True, False))
        assert lines == [HistoryKind.CANCEL_REQUESTED, HistoryKind.RUN_CANCELLED]
    assert stored["waiting_for"] == []
    assert get_history(run_id)[0].data == {"by": "alice", "reason": "enough", "via": ""}


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(RunState))
def test_only_a_failed_or_cancelled_run_is_undone(state: RunState) -> None:
    run_id = made(state, finished_at=Now(), **FULL)
    before = row(run_id)

    done = compensate_run(run_id, by="alice")

    assert done is (state in {RunState.FAILED, RunState.CANCELLED})
    stored = row(run_id)
    if done:
        assert (stored["state"], stored["finished_at"]) == (RunState.COMPENSATING, None)
        assert (stored["error"], stored["compensation_error"]) == (ERROR, None)
        assert stored["crashes"] == 0
        assert stored["wake_at"] <= timezone.now()
        [line] = get_history(run_id)
        assert (line.kind, line.data["by"]) == (HistoryKind.COMPENSATION_STARTED, "alice")
        assert line.data["error"] == ERROR
    else:
        assert (stored, kinds(run_id)) == (before, [])


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(RunState))
def test_a_run_that_waits_is_blocked_or_undoes_itself_is_woken(state: RunState) -> None:
    run_id = made(state, **FULL)
    before = row(run_id)

    done = wake_run(run_id, by="alice")

    assert done is (state in {RunState.WAITING, RunState.BLOCKED, RunState.COMPENSATING})
    stored = row(run_id)
    if done:
        blocked = state == RunState.BLOCKED
        assert stored["state"] == (RunState.PENDING if blocked else state)
        assert stored["error"] == (None if blocked else ERROR)
        assert stored["crashes"] == 0
        assert stored["wake_at"] <= timezone.now()
        assert kinds(run_id) == [HistoryKind.WOKEN]
    else:
        assert (stored, kinds(run_id)) == (before, [])


@pytest.mark.django_db
def test_a_run_that_was_put_off_is_woken_and_one_that_is_due_is_left_alone() -> None:
    put_off = made(RunState.PENDING, wake_at=Now() + timedelta(seconds=30))
    due = made(RunState.PENDING, wake_at=Now())

    assert [wake_run(each, by="alice") for each in (put_off, due)] == [True, False]
    assert row(put_off)["wake_at"] <= timezone.now()
    assert kinds(put_off) == [HistoryKind.WOKEN]


@pytest.mark.django_db
def test_a_run_that_a_worker_undoes_now_is_not_woken() -> None:
    run_id = made(RunState.COMPENSATING, lease_until=Now() + timedelta(seconds=60))

    assert wake_run(run_id, by="alice") is False


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(RunState))
def test_children_that_go_are_found_and_those_that_have_ended_are_not(state: RunState) -> None:
    parent = made(RunState.RUNNING)
    child = made(state, parent_id=parent)
    made(state, parent_id=parent, detached=True)
    made(state)

    assert lock_tree(parent) == ([child] if state in OPEN else [])


@pytest.mark.django_db
def test_the_deepest_descendants_come_first_and_the_run_itself_not_at_all() -> None:
    top = made(RunState.RUNNING)
    children = sorted(made(RunState.WAITING, parent_id=top) for _ in range(3))
    grandchildren = sorted(made(RunState.WAITING, parent_id=children[0]) for _ in range(3))
    made(RunState.WAITING, parent_id=made(RunState.WAITING, parent_id=top, detached=True))

    assert lock_tree(top) == grandchildren + children


@pytest.mark.usefixtures("committed")
def test_the_run_and_its_descendants_are_locked_until_the_transaction_ends() -> None:
    top = made(RunState.RUNNING)
    child = made(RunState.WAITING, parent_id=top)

    with transaction.atomic(), connected() as own:
        lock_tree(top)
        free = own.execute("SELECT id FROM workflows_run FOR NO KEY UPDATE SKIP LOCKED").fetchall()

    assert (child,) not in free
    assert (top,) not in free


@pytest.mark.usefixtures("committed")
def test_a_child_born_meanwhile_is_locked_too_unless_somebody_has_it() -> None:
    top = made(RunState.RUNNING)
    first = made(RunState.WAITING, parent_id=top)

    def locked_beside(*, held: bool) -> object:
        with connected() as own, own.transaction(), connected() as other:
            own.execute("SELECT FROM workflows_run WHERE id = %s FOR NO KEY UPDATE", [first])
            locking = elsewhere(lambda: in_a_transaction(lambda: lock_tree(top)))
            until(somebody_waits_for_a_lock)
            late.append(made(RunState.WAITING, parent_id=top))
            if held:
                other.execute("BEGIN")
                other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [late[-1]])
            own.execute("COMMIT")
            return locking.result(PATIENCE_SECONDS)

    late: list[UUID] = []
    assert locked_beside(held=True) is None
    assert locked_beside(held=False) == sorted([first, *late])


@pytest.mark.usefixtures("committed")
def test_a_cancel_that_waited_for_a_claim_asks_the_worker() -> None:
    run = start(wait_for_go)

    with transaction.atomic():
        claim()
        late = elsewhere(lambda: cancelled(run.id))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS)
    assert row(run.id)["state"] == RunState.CANCELLING
    assert kinds(run.id) == [HistoryKind.CANCEL_REQUESTED]


@pytest.mark.usefixtures("committed")
def test_a_wake_that_waited_for_a_claim_changes_nothing() -> None:
    run_id = made(RunState.WAITING, wake_at=Now())

    with transaction.atomic():
        claim()
        late = elsewhere(lambda: wake_run(run_id, by="alice"))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS) is False
    assert row(run_id)["wake_at"] is None
    assert kinds(run_id) == []


@pytest.mark.usefixtures("committed")
def test_of_two_operators_who_have_a_run_undone_one_does() -> None:
    run_id = made(RunState.FAILED)

    with transaction.atomic():
        compensate_run(run_id, by="alice")
        late = elsewhere(lambda: compensate_run(run_id, by="bob"))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS) is False
    assert [line.data["by"] for line in get_history(run_id)] == ["alice"]


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [cancelled, lambda run_id: wake_run(run_id, by="alice")])
def test_a_run_that_does_not_exist_is_told(verb: Any) -> None:
    assert verb(UUID(int=1)) is None
