"""What @step takes, and what it leaves alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from workflows.api import Context, DefinitionError, RetryPolicy, step, workflow
from workflows.definitions.step import step_definition
from workflows.tests.registering import own_workflows


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Forget what a test registers."""
    with own_workflows():
        yield


def first(run: Context) -> None: ...


def test_a_step_stays_an_ordinary_function() -> None:
    @step
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, b=2) == 3
    assert step_definition(add).name == "add"
    assert step_definition(add).retry.attempts == 3


@pytest.mark.parametrize("seconds", [0, -1, "5", True, timedelta(seconds=5), float("nan")])
def test_a_time_limit_is_more_than_nothing(seconds: Any) -> None:
    with pytest.raises(DefinitionError, match="give more than 0, or None"):
        step(timeout_seconds=seconds)
    with pytest.raises(DefinitionError, match="give more than 0, or None"):
        step(heartbeat_seconds=seconds)
    with pytest.raises(DefinitionError, match="give more than 0, or None"):
        workflow("tests.named", deadline_seconds=seconds)


def test_a_number_of_attempts_is_told_how_to_be_written() -> None:
    with pytest.raises(DefinitionError, match=r"write retry=RetryPolicy\(attempts=…\)"):
        step(retry=3)  # type: ignore[call-overload]
    with pytest.raises(DefinitionError, match="attempts is '3'; give 1 to 999,998"):
        RetryPolicy(attempts="3")  # type: ignore[arg-type]


def test_a_workflow_is_no_compensation() -> None:
    workflow("tests.named")(first)

    with pytest.raises(DefinitionError, match=r"\.first is a workflow; give a step"):

        @step(compensate=first)
        def book() -> None: ...


def test_what_is_no_step_is_named() -> None:
    with pytest.raises(DefinitionError, match="first is not a step: decorate it with @step"):
        step_definition(first)
