"""A decorator above ours would be dropped: it is refused, and so are methods of objects."""

import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from workflows.api import Context, DefinitionError, RunState, action, start, step, workflow
from workflows.checks import check_decorators
from workflows.definitions import step as steps, workflow as workflows
from workflows.definitions.step import step_definition
from workflows.definitions.workflow import workflow_definition
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


@step
@traced
def below(name: str) -> str:
    return f"below {name}"


@transaction.atomic
@step
def above(name: str) -> str:
    return f"above {name}"


@traced
@action("wrapped_action")
def wrapped_action(name: str) -> str:
    return name


@traced
@workflow("tests.wrapped_workflow")
def wrapped_workflow(run: Context) -> None: ...


@traced
@step
def wrapped_undo(output: None) -> None: ...


class Shop:
    @step
    def pay(self, amount: int) -> int:
        return amount

    @staticmethod
    @step
    def ship(order: int) -> int:
        return order

    @workflow("tests.method")
    def flow(run: Context) -> None: ...


# Wrong as they are, they must not be found by the checks of other tests.
WRONG_STEPS = {key: steps._steps.pop(key) for key in list(steps._steps) if __name__ in key}
WRONG_WORKFLOW = workflows._workflows.pop(("tests.wrapped_workflow", 1))


@workflow("tests.decorated")
def decorated(run: Context, what: str) -> Any:
    used: Any = {"below": below, "above": above, "pay": Shop().pay, "ship": Shop().ship}[what]
    return run.step(used, 7)


def test_other_decorators_stand_below() -> None:
    assert driven(decorated, what="below").output == "below 7"
    assert driven(decorated, what="ship").output == 7


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("above", "test_decorator_order.above: a decorator stands above @action or @step"),
        ("pay", "Shop.pay is a bound method"),
    ],
)
def test_what_would_be_dropped_is_refused_where_it_is_used(what: str, words: str) -> None:
    run = driven(decorated, what=what)

    assert run.state == RunState.BLOCKED
    assert words in (run.error or {})["message"]


def test_wrapped_workflows_and_actions_are_refused() -> None:
    with pytest.raises(DefinitionError, match="above @workflow"):
        start(wrapped_workflow)  # type: ignore[call-overload]
    with pytest.raises(DefinitionError, match="bound method"):
        workflow_definition(Shop().flow)
    with pytest.raises(DefinitionError, match="above @action"):
        step_definition(wrapped_action)
    with pytest.raises(DefinitionError, match="above @action or @step"):
        step(compensate=wrapped_undo)(lambda: None)


def test_start_up_tells_where_a_decorator_is_dropped() -> None:
    with (
        mock.patch.dict(steps._steps, WRONG_STEPS),
        mock.patch.dict(workflows._workflows, {("tests.wrapped_workflow", 1): WRONG_WORKFLOW}),
    ):
        messages = check_decorators()
    told = {message.msg.partition(":")[0].rpartition(".")[2]: message for message in messages}

    assert set(told) >= {"above", "wrapped_action", "wrapped_workflow"}
    assert not {"below", "pay", "ship"} & set(told)
    assert {message.id for message in told.values()} == {"workflows.E009"}
    assert "Put @workflow on top" in (told["wrapped_workflow"].hint or "")
