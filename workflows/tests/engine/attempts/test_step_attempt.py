"""What a step's code may throw at the engine: it fails alone, and the run says so."""

import asyncio
from typing import Any

import pytest

from workflows.api import (
    Context,
    Permanent,
    RunState,
    Transient,
    get_history,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.tests.builders import driven
from workflows.tests.flows import NOW, greet, notes

pytestmark = pytest.mark.django_db


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unpicklable(Exception):
    def __init__(self, a: object, b: object) -> None:
        super().__init__()
        self.a, self.b = a, b


class BriefTransient(Transient):
    def __init__(self) -> None:
        """Forgets to call its parent."""


class GroupOfTwo(ExceptionGroup[Exception]):
    pass


RAISED: dict[str, BaseException] = {
    "an ordinary error": ValueError("bad"),
    "a message that cannot be read": Unreadable("x"),
    "a message with NUL and a surrogate": ValueError("a\x00\ud800b"),
    "a message of a megabyte": ValueError("x" * 1_000_000),
    "no message": ValueError(),
    "an error with parts": Unpicklable(object(), lambda: None),
    "an error of errors": GroupOfTwo("two", [ValueError("a"), TypeError("b")]),
    "sys.exit": SystemExit(3),
    "a cancelled task": asyncio.CancelledError(),
    "the end of a generator": GeneratorExit(),
    "a transient error with nothing set": BriefTransient(),
    "recursion": RecursionError("too deep"),
    "no memory": MemoryError(),
    "an assertion": AssertionError(),
    "the end of an iteration": StopIteration(),
}


@step(retry=NOW)
def throw(what: str) -> None:
    notes.note("tried")
    raise RAISED[what]


@workflow("tests.throw")
def throwing(run: Context, what: str) -> None:
    run.step(throw, what)


@pytest.mark.parametrize("what", RAISED)
def test_whatever_a_step_raises_is_a_failed_attempt_and_the_run_fails_alone(what: str) -> None:
    run = driven(throwing, what=what)
    after = driven(throwing, what="an ordinary error")

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["type"].endswith("StepFailed")
    assert run.error["message"].startswith("step 'throw' failed after 3 attempts: ")
    assert after.state == RunState.FAILED
    assert notes.count("tried") == 6


@step(retry=NOW)
def give(what: str) -> Any:
    notes.note("tried")
    return {
        "an object": object(),
        "a function": greet,
        "two megabytes": "x" * 2_000_000,
        "not a number": float("nan"),
        "NUL": "a\x00b",
        "a lone surrogate": "\ud800",
        "bytes that are no text": b"\xff",
        "a generator that fails": (1 // each for each in [1, 0]),
    }[what]


@step(retry=NOW)
def promise_a_number() -> int:
    notes.note("tried")
    return "many"  # type: ignore[return-value]


@workflow("tests.give")
def giving(run: Context, what: str) -> None:
    run.step(give, what)


@workflow("tests.promise")
def promising(run: Context) -> int:
    return run.step(promise_a_number)


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ("an object", "cannot be stored"),
        ("a function", "cannot be stored"),
        ("two megabytes", "more than 262,144; store it elsewhere"),
        ("not a number", "not a JSON value"),
        ("NUL", "NUL character"),
        ("a lone surrogate", "not a JSON value"),
        ("bytes that are no text", "cannot be stored"),
        ("a generator that fails", "cannot be stored"),
    ],
)
def test_a_result_that_cannot_be_kept_fails_the_step_at_once(what: str, word: str) -> None:
    run = driven(giving, what=what)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert word in run.error["message"]
    assert notes.count("tried") == 1
    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.STEP_FAILED]
    assert failed.data["permanent"] is True


def test_a_result_of_another_type_than_annotated_fails_the_step_at_once() -> None:
    run = driven(promising)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "promise_a_number" in run.error["message"]
    assert notes.count("tried") == 1


@step
def unreadable_annotation() -> "NowhereToBeFound":  # type: ignore[name-defined]  # noqa: F821
    notes.note("done")


@workflow("tests.unreadable_annotation")
def with_unreadable_annotation(run: Context) -> None:
    run.step(unreadable_annotation)


def test_an_annotation_that_cannot_be_read_blocks_the_run_before_the_step_does_anything() -> None:
    run = driven(with_unreadable_annotation)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert "an annotation cannot be read" in run.error["message"]
    assert notes.count("done") == 0


def not_a_step() -> None: ...


@workflow("tests.not_a_step")
def calling_no_step(run: Context) -> None:
    run.step(not_a_step)


def test_calling_what_is_no_step_blocks_the_run_until_the_code_is_mended() -> None:
    run = driven(calling_no_step)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"] == "not_a_step is not a step: decorate it with @step"


@step(retry=NOW)
def give_up() -> None:
    notes.note("tried")
    raise Permanent("never")


@workflow("tests.give_up")
def giving_up(run: Context) -> None:
    run.step(give_up)


def test_permanent_ends_the_attempts() -> None:
    run = driven(giving_up)

    assert run.state == RunState.FAILED
    assert notes.count("tried") == 1


def test_an_interrupt_from_the_keyboard_is_not_an_outcome(monkeypatch: Any) -> None:
    monkeypatch.setitem(RAISED, "an interrupt", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        driven(throwing, what="an interrupt")
