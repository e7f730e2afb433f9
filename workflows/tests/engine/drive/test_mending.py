"""A mistake in workflow code blocks the run; mended and retried, it goes on where it was."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from workflows.api import (
    Context,
    Permanent,
    RunState,
    StepFailed,
    cancel,
    get_run,
    list_runs,
    replay_open_runs,
    retry_now,
    start,
    step,
    workflow,
)
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import greet, notes, wait_for_go

pytestmark = pytest.mark.django_db
code: dict[str, Callable[[Context], Any]] = {}


class OwnKeyError(KeyError):
    """What somebody raises on purpose."""


def undo_book(output: str) -> None:
    notes.note(f"undo {output}")


@step(compensate=undo_book)
def book() -> str:
    notes.note("book")
    return "room 7"


@step
def misspell() -> None:
    raise Permanent("gone") from KeyError("nmae")


def raising(error: BaseException) -> Callable[[Context], Any]:
    def body(run: Context) -> Any:
        raise error

    return body


def mended(run: Context) -> str:
    return run.step(greet, "Ann")


@pytest.fixture(autouse=True)
def wrong_code() -> Iterator[None]:
    code["body"] = raising(KeyError("nmae"))
    yield
    code.clear()


@workflow("tests.to_be_mended", on_cancel="compensate", on_failure="compensate")
def to_be_mended(run: Context) -> Any:
    run.step(book)
    return code["body"](run)


@workflow("tests.fails_on_keys", fails_on=(KeyError,))
def fails_on_keys(run: Context) -> Any:
    return code["body"](run)


@workflow("tests.mistaken_parent", deadline_seconds=3600)
def mistaken_parent(run: Context) -> Any:
    child = run.start_child(wait_for_go, timeout_seconds=10)
    if code["body"] is not mended:
        return code["body"](run)
    return child.result()


@workflow("tests.parent_of_a_mistake")
def parent_of_a_mistake(run: Context) -> Any:
    return run.start_child(to_be_mended).result()


@pytest.mark.parametrize(
    "error",
    [
        *(KeyError("nmae"), TypeError("two"), AttributeError("nmae"), UnboundLocalError("x")),
        *(NameError("x"), IndexError("9"), AssertionError(), ModuleNotFoundError("x")),
        *(ImportError("x"), RecursionError("deep")),
    ],
)
def test_a_mistake_blocks_the_run_with_its_traceback(error: Exception) -> None:
    code["body"] = raising(error)

    run = driven(to_be_mended)

    assert run.state == RunState.BLOCKED
    assert (run.error or {})["type"] == type(error).__name__
    assert "in body" in (run.error or {})["traceback"]
    assert notes.done == ["book"]


def test_mended_and_retried_it_goes_on_where_it_was() -> None:
    run = driven(to_be_mended)

    code["body"] = mended
    retry_now(run.id)
    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, "Hello, Ann")
    assert notes.done == ["book", "greet Ann"]


def test_as_long_as_it_is_not_mended_it_can_be_cancelled_and_undone() -> None:
    run = driven(to_be_mended)

    cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["book", "undo room 7"]


@pytest.mark.parametrize("error", [ValueError("no"), OwnKeyError("meant"), LookupError("none")])
def test_any_other_error_ends_the_run(error: Exception) -> None:
    code["body"] = raising(error)

    run = driven(to_be_mended)

    assert run.state == RunState.COMPENSATED


def test_a_mistake_in_a_step_is_the_steps() -> None:
    code["body"] = lambda run: run.step(misspell)

    assert driven(to_be_mended).state == RunState.COMPENSATED


def test_a_step_may_be_caught_and_the_code_go_wrong_behind_it() -> None:
    def body(run: Context) -> Any:
        try:
            run.step(misspell)
        except StepFailed as failed:
            return failed.nmae  # type: ignore[attr-defined]

    code["body"] = body

    run = driven(to_be_mended)

    assert (run.state, (run.error or {})["type"]) == (RunState.BLOCKED, "AttributeError")


@pytest.mark.parametrize(
    ("error", "state"),
    [(KeyError("k"), RunState.FAILED), (TypeError("t"), RunState.BLOCKED)],
)
def test_a_workflow_fails_on_what_it_names(error: Exception, state: RunState) -> None:
    code["body"] = raising(error)

    assert driven(fails_on_keys).state == state


def test_the_children_of_a_blocked_run_go_on_and_its_deadline_waits_for_the_retry() -> None:
    run = driven(mistaken_parent)
    (child,) = list_runs(workflow=wait_for_go)
    advance(seconds=3601)

    assert (run.state, get_run(child.id).state) == (RunState.BLOCKED, RunState.COMPLETED)
    assert get_run(run.id).state == RunState.BLOCKED

    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.BLOCKED  # nothing new: it does not come to it

    code["body"] = mended
    retry_now(run.id)
    drive_until_idle()

    assert (get_run(run.id).error or {})["type"].endswith("DeadlineExceeded")


def test_the_parent_of_a_blocked_run_waits() -> None:
    parent = driven(parent_of_a_mistake)

    assert parent.state == RunState.WAITING

    code["body"] = mended
    retry_now(list_runs(workflow=to_be_mended)[0].id)
    drive_until_idle()

    assert get_run(parent.id).output == "Hello, Ann"


def test_the_replay_check_names_the_error_and_its_line() -> None:
    code["body"] = lambda run: run.wait_event("go")
    run = driven(to_be_mended)
    assert replay_open_runs() == []

    code["body"] = raising(KeyError("nmae"))
    (difference,) = replay_open_runs()

    assert difference.run_id == run.id
    assert "KeyError: 'nmae'" in difference.why
    assert "test_mending.py:" in difference.why


def test_the_replay_check_tells_of_a_blocked_run_until_it_is_mended() -> None:
    driven(to_be_mended)

    (difference,) = replay_open_runs()

    assert "the workflow's code raises KeyError: 'nmae'" in difference.why
    assert "test_mending.py:" in difference.why
    code["body"] = mended
    assert replay_open_runs() == []


def test_a_run_that_undoes_its_steps_is_past_mending() -> None:
    run = driven(to_be_mended)
    cancel(run.id)

    assert get_run(run.id).state == RunState.COMPENSATING
    assert replay_open_runs() == []


def test_a_mistake_behind_a_patch_of_newer_code_waits_for_that_code() -> None:
    code["body"] = lambda run: [run.patched("mended"), run.wait_event("go")]
    run = driven(to_be_mended)
    code["body"] = raising(KeyError("nmae"))
    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.WAITING
    assert "code_awaited" in kinds(run.id)


def test_killed_anywhere_a_mistaken_run_is_mended_and_goes_on() -> None:
    def play() -> None:
        notes.done.clear()
        code["body"] = raising(KeyError("nmae"))
        run = start(to_be_mended)
        drive_until_idle()
        code["body"] = mended
        retry_now(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_killed_anywhere_a_mistaken_run_is_cancelled_and_undone() -> None:
    def play() -> None:
        notes.done.clear()
        run = start(to_be_mended)
        drive_until_idle()
        cancel(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)
