"""Which functions may be decorated, and which parameters they may have."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from workflows.api import Context, DefinitionError, step, workflow
from workflows.definitions.step import step_definition


@pytest.mark.parametrize(
    "thing", [len, str, object(), lambda: None], ids=["builtin", "class", "object", "lambda"]
)
def test_only_a_plain_function_is_decorated(thing: Any) -> None:
    if getattr(thing, "__name__", "") == "<lambda>":
        assert step(thing)() is None
        return

    with pytest.raises(DefinitionError, match="not a plain function"):
        step(thing)


async def asynchronous(run: Context) -> None: ...


def generating(run: Context) -> Iterator[int]:
    yield 1


async def generating_asynchronously(run: Context) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [generating, generating_asynchronously])
def test_a_generator_is_refused(function: Any) -> None:
    with pytest.raises(DefinitionError, match="returns its result, no generator"):
        step(function)
    with pytest.raises(DefinitionError, match="returns its result, no generator"):
        workflow("tests.named")(function)


def test_a_workflow_is_no_async_function() -> None:
    with pytest.raises(DefinitionError, match="what awaits is a step: put it into an `async def`"):
        workflow("tests.named")(asynchronous)


def test_a_workflow_takes_the_run_first() -> None:
    def forgetful() -> None: ...

    def keywords_only(*, run: Context) -> None: ...

    for function in (forgetful, keywords_only):
        with pytest.raises(DefinitionError, match="takes the run first: write"):
            workflow("tests.named")(function)  # type: ignore[arg-type]


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
