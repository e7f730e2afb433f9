"""What failed is told by its kind: in history, on runs, in lists, in retry policies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from workflows.api import (
    ChildFailed,
    Context,
    DefinitionError,
    ErrorKind,
    InvalidInput,
    Permanent,
    RetryPolicy,
    RunState,
    StepFailed,
    Transient,
    get_history,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.store.sweep import sweep
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, expire_lease, started_and_claimed
from workflows.tests.flows import greet_once, notes, wait_for_go

pytestmark = pytest.mark.django_db
_ = ErrorKind
raised: dict[str, Any] = {}


class Closed(Exception):
    """Of one's own."""


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0))
def fails() -> None:
    notes.note("tried")
    raise raised["error"]


@step(retry=RetryPolicy(attempts=3, retry_on=(Closed, _.SYSTEM), first_delay_seconds=0))
def tries_some() -> None:
    notes.note("tried")
    raise raised["error"]


@step(retry=RetryPolicy(attempts=3, give_up_on=(Closed, _.SYSTEM), first_delay_seconds=0))
def gives_up_on_some() -> None:
    notes.note("tried")
    raise raised["error"]


@workflow("tests.kind_of_step")
def of_a_step(run: Context) -> None:
    run.step(fails)


@workflow("tests.kind_of_code")
def of_the_code(run: Context) -> None:
    raise raised["error"]


@workflow("tests.kind_of_child")
def of_a_child(run: Context) -> None:
    run.start_child(of_a_step).result()


@workflow("tests.kind_caught")
def caught(run: Context) -> list[str]:
    kinds = []
    try:
        run.step(fails)
    except StepFailed as failed:
        kinds.append(failed.kind)
    try:
        run.start_child(of_a_step).result()
    except ChildFailed as failed:
        kinds.append(failed.kind)
    return kinds


@workflow("tests.kind_some")
def some(run: Context, gives_up: bool) -> None:
    run.step(gives_up_on_some if gives_up else tries_some)


@pytest.mark.parametrize("made", [of_a_step, of_a_child])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Permanent("no"), _.BUSINESS),
        (Transient("later"), _.TRANSIENT),
        (ValueError("x"), _.TRANSIENT),
        (KeyError("x"), _.PROGRAMMING),
        (MemoryError(), _.SYSTEM),
    ],
)
def test_a_failed_step_gives_its_kind_to_its_run_and_to_the_parent(
    made: Callable[..., None], error: Exception, kind: ErrorKind
) -> None:
    raised["error"] = error

    run = driven(made)

    assert (run.state, run.error_kind) == (RunState.FAILED, kind)
    lines = [line for line in get_history(run.id) if line.kind in ("step_failed", "run_failed")]
    assert {line.data["error"]["kind"] for line in lines} == {kind}
    assert run.id in {each.id for each in list_runs(error_kind=kind)}
    assert list_runs(error_kind=_.LOST_WORKER) == []


def test_code_that_catches_a_failure_knows_its_kind() -> None:
    raised["error"] = MemoryError()

    assert driven(caught).output == ["system", "system"]


def test_what_code_raises_itself_is_meant_and_a_mistake_is_not() -> None:
    raised["error"] = Closed()
    assert driven(of_the_code).error_kind == _.BUSINESS

    raised["error"] = KeyError("nmae")
    run = driven(of_the_code)
    assert (run.state, run.error_kind) == (RunState.BLOCKED, _.PROGRAMMING)


def test_a_deadline_is_a_time_limit_and_too_many_crashes_are_lost_workers() -> None:
    late = start(wait_for_go, deadline_seconds=60)
    advance(seconds=61)
    assert get_run(late.id).error_kind == _.TIME_LIMIT

    claimed = started_and_claimed(greet_once, name="Ann")
    expire_lease(claimed.id)
    sweep(connection.connection, max_crashes=1, longest_pause_seconds=0)
    assert get_run(claimed.id).error_kind == _.LOST_WORKER


@pytest.mark.parametrize(
    ("gives_up", "error", "tries"),
    [
        (False, Closed(), 3),
        (False, MemoryError(), 3),
        (False, ValueError(), 1),
        (True, Closed(), 1),
        (True, MemoryError(), 1),
        (True, ValueError(), 3),
        (True, Permanent("no"), 1),
    ],
)
def test_a_policy_says_what_is_tried_again(gives_up: bool, error: Exception, tries: int) -> None:
    raised["error"] = error

    run = driven(some, gives_up=gives_up)

    assert (run.state, notes.count("tried")) == (RunState.FAILED, tries)


@pytest.mark.parametrize("wrong", [ValueError, ["system"], ("disk",), (BaseException,), (5,)])
def test_a_policy_names_classes_and_kinds(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"give_up_on is .*; give a tuple of exception"):
        RetryPolicy(give_up_on=wrong)


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no kind of error 'disk'; it is one of business"):
        list_runs(error_kind="disk")


def test_killed_anywhere_a_policy_gives_up_on_the_same() -> None:
    def play() -> None:
        notes.done.clear()
        raised["error"] = Closed()
        start(some, gives_up=True)
        start(some, gives_up=False)
        drive_until_idle()

    crash_everywhere(play, at_least_once=lambda: notes.done)
