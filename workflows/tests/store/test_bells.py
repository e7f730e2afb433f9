"""Whatever makes a run due rings the bell: nobody waits for the next poll."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from workflows.core.states import RunState
from workflows.models import Run
from workflows.store.continue_as_new import continue_run
from workflows.store.fence import UNCHANGED
from workflows.store.queue import give_back, release_run
from workflows.store.runs import create_run
from workflows.store.steering import cancel_run, compensate_run, wake_run
from workflows.tests.builders import connected, new_run, start_a_child, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.usefixtures("committed")


def rings(write: Callable[[], Any]) -> int:
    """Return how many pushers' calls a write is worth."""
    with connected() as own:
        own.execute("LISTEN workflows_due")
        assert write()
        connection.close()
        own.execute("SELECT 1")
        return len(list(own.notifies(timeout=0)))


def made(state: RunState, *, undo_on_cancel: bool = False) -> UUID:
    run = Run.objects.create(
        workflow="tests.made", version=1, state=state, undo_on_cancel=undo_on_cancel
    )
    return run.pk


def test_a_start_rings() -> None:
    assert rings(lambda: create_run(new_run())) == 1


def test_a_run_that_is_given_back_to_the_queue_rings() -> None:
    run = started_and_claimed(wait_for_go)

    assert rings(lambda: release_run(run)) == 1


@pytest.mark.parametrize(("at_once", "pause", "expected"), [(1, 0, 1), (0, 1, 0)])
def test_a_run_that_is_given_back_for_later_does_not_ring(
    at_once: int, pause: float, expected: int
) -> None:
    run = started_and_claimed(wait_for_go)

    assert rings(lambda: give_back(run, at_once=at_once) == pause) == expected


def test_the_start_of_a_child_rings() -> None:
    parent = started_and_claimed(wait_for_go)

    heard = rings(lambda: start_a_child(parent))

    assert heard == 1


def test_a_run_that_continues_as_a_new_one_rings() -> None:
    run = started_and_claimed(wait_for_go)

    heard = rings(lambda: continue_run(run, new_run(), events=0, notes=UNCHANGED))

    assert heard == 1


@pytest.mark.parametrize("state", [RunState.WAITING, RunState.BLOCKED])
def test_a_run_that_is_woken_rings(state: RunState) -> None:
    run_id = made(state)

    assert rings(lambda: wake_run(run_id, by="alice")) == 1


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_is_to_undo_itself_rings(state: RunState) -> None:
    run_id = made(state)

    assert rings(lambda: compensate_run(run_id, by="alice")) == 1


@pytest.mark.parametrize(("undo_on_cancel", "expected"), [(True, 1), (False, 0)])
def test_a_cancel_rings_only_where_somebody_has_to_undo(
    undo_on_cancel: bool, expected: int
) -> None:
    run_id = made(RunState.WAITING, undo_on_cancel=undo_on_cancel)

    assert rings(lambda: cancel_run(run_id, by="alice", reason="")) == expected
