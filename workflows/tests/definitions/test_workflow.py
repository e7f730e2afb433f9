"""What the decorators refuse, and what they leave alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from workflows.api import Context, DefinitionError, DuplicateWorkflow, RetryPolicy, step, workflow
from workflows.definitions import workflow as registry
from workflows.definitions.step import step_definition
from workflows.definitions.workflow import find_workflow, workflow_definition


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Forget what a test registers."""
    with mock.patch.dict(registry._workflows):
        yield


def first(run: Context) -> None: ...


def second(run: Context) -> None: ...


def test_a_workflow_is_found_by_name_and_version() -> None:
    workflow("tests.named", version=3)(first)

    found = find_workflow("tests.named", 3)

    assert found is workflow_definition(first)
    assert find_workflow("tests.named", 2) is None


def test_two_functions_cannot_share_a_name_and_version() -> None:
    workflow("tests.named")(first)

    with pytest.raises(DuplicateWorkflow, match=r"'tests\.named' version 1 is already .*\.first"):
        workflow("tests.named")(second)

    found = find_workflow("tests.named", 1)
    assert found is not None
    assert found.function is first


def test_two_versions_of_a_name_live_side_by_side() -> None:
    workflow("tests.named", version=1)(first)
    workflow("tests.named", version=2)(second)

    assert workflow_definition(first).version == 1
    assert workflow_definition(second).version == 2


def test_a_module_that_is_imported_twice_registers_once() -> None:
    workflow("tests.named")(first)
    workflow("tests.named")(first)

    assert workflow_definition(first).name == "tests.named"


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_workflow_needs_a_name(name: Any) -> None:
    with pytest.raises(DefinitionError, match="name the workflow"):
        workflow(name)


def test_a_workflow_without_its_brackets_is_told_how_to_write_them() -> None:
    with pytest.raises(DefinitionError, match="name the workflow"):
        workflow(first)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [0, -1, "1", 1.5])
def test_a_version_counts_from_one(version: Any) -> None:
    with pytest.raises(DefinitionError, match="give 1 or more"):
        workflow("tests.named", version=version)


@pytest.mark.parametrize(
    "thing", [len, str, object(), lambda: None], ids=["builtin", "class", "object", "lambda"]
)
def test_only_a_plain_function_is_decorated(thing: Any) -> None:
    if getattr(thing, "__name__", "") == "<lambda>":
        assert step(thing) is thing
        return

    with pytest.raises(DefinitionError, match="not a plain function"):
        step(thing)


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
    with pytest.raises(DefinitionError, match="attempts is '3'; give at least 1"):
        RetryPolicy(attempts="3")  # type: ignore[arg-type]


def test_a_workflow_is_no_compensation() -> None:
    workflow("tests.named")(first)

    with pytest.raises(DefinitionError, match=r"\.first is a workflow; give a step"):

        @step(compensate=first)
        def book() -> None: ...


def test_what_is_no_step_is_named() -> None:
    with pytest.raises(DefinitionError, match="first is not a step: decorate it with @step"):
        step_definition(first)


async def asynchronous(run: Context) -> None: ...


def generating(run: Context) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("function", [asynchronous, generating])
def test_a_function_that_does_nothing_when_called_is_refused(function: Any) -> None:
    with pytest.raises(DefinitionError, match="write a plain `def` that returns"):
        step(function)
    with pytest.raises(DefinitionError, match="write a plain `def` that returns"):
        workflow("tests.named")(function)


def test_a_workflow_takes_the_run_first() -> None:
    def forgetful() -> None: ...

    def keywords_only(*, run: Context) -> None: ...

    for function in (forgetful, keywords_only):
        with pytest.raises(DefinitionError, match="takes the run first: write"):
            workflow("tests.named")(function)


def test_a_parameter_that_start_keeps_for_itself_is_refused() -> None:
    def keyed(run: Context, key: str) -> None: ...

    with pytest.raises(DefinitionError, match="rename the parameter 'key'"):
        workflow("tests.named")(keyed)


def test_a_compensation_that_cannot_take_what_the_step_takes_is_refused_at_once() -> None:
    def undo(output: str) -> None: ...

    with pytest.raises(DefinitionError, match=r"undo\(.*\) .*: write it as \(output, what\)"):

        @step(compensate=undo)
        def book(what: str, *, nights: int = 1) -> str:
            return what


@pytest.mark.parametrize(
    "undo",
    [
        lambda output, what, nights: None,
        lambda output, *args, **kwargs: None,
        lambda output, *, what, nights: None,
        lambda output, what, nights, why="": None,
    ],
)
def test_a_compensation_may_take_what_the_step_takes_in_any_way(undo: Any) -> None:
    @step(compensate=undo)
    def book(what: str, *, nights: int) -> str:
        return what

    assert step_definition(book).compensate is not None
