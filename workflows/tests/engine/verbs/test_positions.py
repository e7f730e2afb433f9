"""Each durable operation of workflow code takes the next position; a step takes none."""

import pytest

from workflows.api import (
    Context,
    RunState,
    get_history,
    step,
    workflow,
)
from workflows.tests.builders import driven
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db

_context: list[Context] = []


@step
def use_the_run_inside() -> str:
    return _context[0].step(greet, "Alice")


@step
def take_an_id_inside() -> str:
    return str(_context[0].uuid())


@workflow("tests.use_the_run_inside")
def using_the_run_inside(run: Context, taking_an_id: bool) -> str:
    _context[:] = [run]
    return run.step(take_an_id_inside if taking_an_id else use_the_run_inside)


@pytest.mark.parametrize("taking_an_id", [False, True])
def test_a_step_that_uses_the_run_is_refused_at_once(taking_an_id: bool) -> None:
    run = driven(using_the_run_inside, taking_an_id=taking_an_id)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "a step cannot use the run" in run.error["message"]
    assert notes.done == []
    assert [e.kind for e in get_history(run.id)] == ["step_failed", "run_failed"]


@workflow("tests.one_of_each")
def one_of_each(run: Context) -> None:
    run.step(greet, "Ann")
    run.uuid()
    run.gather(run.call(greet, "Bob"), run.call(greet, "Cleo"))
    run.set_status("Waiting")
    run.wait_event("go")


def test_positions_follow_the_order_of_the_code_and_a_group_takes_one_for_each_branch() -> None:
    run = driven(one_of_each)

    taken = [(entry.position, entry.kind) for entry in get_history(run.id)]
    assert taken == [
        (1, "step_completed"),
        (3, "group_started"),  # the id that was taken at 2 is told by no line
        (4, "step_completed"),
        (5, "step_completed"),
        (6, "status_set"),
        (7, "wait_started"),
    ]
