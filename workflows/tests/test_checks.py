"""Steps go by their names in history: two of one name are told, and a name can be given."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from workflows.api import Context, DefinitionError, RunState, step, workflow
from workflows.checks import check_step_names
from workflows.definitions import workflow as registry
from workflows.definitions.step import step_definition
from workflows.testing import history_of
from workflows.tests.builders import driven


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Know the workflows of one test only."""
    with mock.patch.dict(registry._workflows, clear=True):
        yield


def make_step(**options: Any) -> Any:
    """Return a new step called send."""

    @step(**options)
    def send() -> str:
        return "sent"

    return send


send, send_too = make_step(), make_step()
elsewhere = ModuleType("elsewhere")
elsewhere.send = make_step()  # type: ignore[attr-defined]
below = ModuleType("elsewhere.below")
below.deeper = elsewhere  # type: ignore[attr-defined]


def helper(run: Context) -> None:
    run.step(send_too)


def told_of(function: Any) -> list[str]:
    """Return what the check says of a workflow with this code."""
    workflow("tests.names")(function)
    return [warning.msg for warning in check_step_names()]


def test_two_steps_of_one_name_in_a_workflow_are_told() -> None:
    def both(run: Context) -> None:
        run.step(send)
        run.step(send_too)

    workflow("tests.names")(both)

    [warning] = check_step_names()
    assert warning.id == "workflows.W009"
    assert "'tests.names' uses 2 steps named 'send'" in warning.msg
    assert warning.hint is not None
    assert "@step(name=" in warning.hint


def test_a_step_behind_a_module_is_seen() -> None:
    def behind(run: Context) -> None:
        run.step(send)
        run.step(elsewhere.send)

    assert len(told_of(behind)) == 1


def test_a_step_behind_two_modules_is_seen() -> None:
    def behind(run: Context) -> None:
        run.step(send)
        run.step(below.deeper.send)

    assert len(told_of(behind)) == 1


def test_a_step_of_a_plain_function_that_the_workflow_calls_is_seen() -> None:
    def calling(run: Context) -> None:
        run.step(send)
        helper(run)

    assert len(told_of(calling)) == 1


def test_steps_of_the_surrounding_function_and_of_inner_ones_are_seen() -> None:
    local = make_step()

    def closing(run: Context) -> None:
        def inner() -> None:
            run.step(local)

        run.step(send)
        inner()

    assert len(told_of(closing)) == 1


def test_a_step_used_twice_is_one_step() -> None:
    def twice(run: Context) -> None:
        run.step(send)
        run.step(send)

    assert told_of(twice) == []


def test_a_given_name_keeps_two_steps_apart() -> None:
    first, second = make_step(), make_step(name="send by post")

    def both(run: Context) -> None:
        run.step(first)
        run.step(second)

    assert told_of(both) == []


@pytest.mark.django_db
def test_a_given_name_is_the_one_in_history() -> None:
    by_post = make_step(name="send by post")

    @workflow("tests.named_step")
    def posting(run: Context) -> str:
        result: str = run.step(by_post)
        return result

    run = driven(posting)

    assert run.state == RunState.COMPLETED
    assert history_of(run)[0] == ("step_completed", "send by post")


def test_without_a_given_name_it_is_the_functions() -> None:
    assert step_definition(send).name == "send"


@pytest.mark.parametrize("name", ["", 7, "a\x00b", "x" * 501], ids=repr)
def test_a_name_that_cannot_be_kept_is_refused(name: Any) -> None:
    with pytest.raises(DefinitionError, match="name of a step"):
        make_step(name=name)
