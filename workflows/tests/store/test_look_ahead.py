"""The pusher's look at the queue: how many runs are due, and when the next one is."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from workflows.core.states import DUE_STATES, RunState
from workflows.models import Run
from workflows.store.queue import Code, look_ahead
from workflows.tests.builders import connected

pytestmark = pytest.mark.usefixtures("committed")


def make(
    seconds: float | None,
    *,
    state: RunState = RunState.WAITING,
    workflow: str = "tests.made",
    priority: int = 0,
) -> None:
    wake_at = None if seconds is None else Now() + timedelta(seconds=seconds)
    Run.objects.create(
        workflow=workflow, version=1, state=state, wake_at=wake_at, priority=priority
    )


def look(limit: int = 10) -> tuple[int, float | None]:
    with connected() as own:
        return look_ahead(own, limit=limit)


def test_an_empty_queue_has_nothing_due_ever() -> None:
    assert look() == (0, None)


def test_due_runs_are_counted_up_to_the_limit() -> None:
    for _ in range(3):
        make(-1, state=RunState.PENDING)

    assert look(limit=2)[0] == 2
    assert look(limit=10)[0] == 3


def test_the_next_time_is_that_of_the_earliest_run() -> None:
    make(60)
    make(30)
    make(None)

    due, next_seconds = look()

    assert due == 0
    assert next_seconds == pytest.approx(30, abs=5)


def test_a_run_that_is_due_already_is_the_next_one() -> None:
    make(-60)

    due, next_seconds = look()

    assert due == 1
    assert next_seconds == pytest.approx(-60, abs=5)


def test_a_run_nobody_here_has_code_for_is_neither_due_nor_next() -> None:
    """Otherwise the pusher would look again and again, as long as it waits."""
    make(-60)
    make(30)
    code = Code(["tests.other"], [1])

    with connected() as own:
        nothing = look_ahead(own, limit=10, code=code)
        Run.objects.update(workflow="tests.other")
        found = look_ahead(own, limit=10, code=code)

    assert nothing == (0, None)
    assert found[0] == 1


def test_the_version_counts_too() -> None:
    make(-60)
    make(30)

    with connected() as own:
        newer = look_ahead(own, limit=10, code=Code(["tests.made", "tests.other"], [2, 1]))
        same = look_ahead(own, limit=10, code=Code(["tests.made"], [1]))

    assert newer == (0, None)
    assert same[0] == 1


def test_runs_of_several_workflows_and_priorities_are_counted_together() -> None:
    make(-1)
    make(-3, workflow="tests.other")
    make(-2, priority=9)
    make(60, priority=9)

    due, next_seconds = look()

    assert due == 3
    assert next_seconds == pytest.approx(-3, abs=2)


@pytest.mark.parametrize("state", sorted(DUE_STATES))
def test_runs_of_every_state_that_is_due_count(state: RunState) -> None:
    make(-0.1, state=state)

    assert look()[0] == 1


@pytest.mark.parametrize("state", sorted(set(RunState) - DUE_STATES))
def test_runs_in_other_states_do_not_count(state: RunState) -> None:
    make(-1, state=state)

    assert look() == (0, None)
