"""Wait, outside of any run, for what a run returns or stores."""

import time
from collections.abc import Callable
from typing import Any, TypeVar, overload

from workflows.conf import conf
from workflows.core.errors import (
    DefinitionError,
    InvalidInput,
    RunFailed,
    RunIsOver,
    WaitTimedOut,
)
from workflows.core.run import RunId, RunView, run_id_of
from workflows.core.sealed import readable
from workflows.core.states import RunState
from workflows.core.time_checks import sensible_seconds
from workflows.definitions.workflow import Workflow, find_workflow, workflow_definition
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.store.chains import newest_of
from workflows.store.views import get_run
from workflows.store.waiters import Waiter

R = TypeVar("R")


@overload
def result(run: RunId, of: Workflow[..., R], *, timeout_seconds: float | None = None) -> R: ...
@overload
def result(run: RunId, of: None = None, *, timeout_seconds: float | None = None) -> Any: ...
def result(run: RunId, of: Any = None, *, timeout_seconds: float | None = None) -> Any:
    """Wait for a run to end, and return what it returned, as its annotation says.

    of: its workflow, for type checkers. A run that went on by continue_as_new is waited for where it is
    now. It is looked for every poll_seconds, and at once when it ends, but not behind a transaction
    pooler. Each wait has a database connection of its own. Raises RunFailed where the run failed, was
    cancelled or compensated; WaitTimedOut, after which it goes on; RunNotFound, InvalidInput; PayloadUnreadable.
    """
    refuse("calls result()", "write run.start_child(workflow, …).result()")
    ended = _wait(run, lambda now: now.is_over, timeout_seconds, "end")
    definition = find_workflow(ended.workflow, ended.version)
    if of is not None:
        definition = workflow_definition(of)
        if definition.name != ended.workflow:
            raise InvalidInput(
                f"run {ended.id} is one of {ended.workflow!r}, not {definition.name!r}"
            )
    if ended.state != RunState.COMPLETED:
        error = ended.error or {"type": "", "message": ""}
        told = (str(ended.id), ended.state.value, error["type"], error["message"])
        raise RunFailed(ended.workflow, *told)
    output = readable(ended.output)
    return output if definition is None else definition.signature.result.from_plain(output)


def wait_for(run: RunId, *, data: str, timeout_seconds: float | None = None) -> Any:
    """Wait until a run has stored something under this name in run.data, and return it: a JSON value.

    Stored with the run's next record, as run.data is. Raises RunIsOver where the run has ended without it,
    WaitTimedOut, RunNotFound, InvalidInput, PayloadUnreadable.
    """
    refuse("calls wait_for()", IN_A_STEP)
    told = _wait(
        run,
        lambda now: data in readable(now.data) or now.is_over,
        timeout_seconds,
        f"store {data!r}",
    )
    if data not in told.data:
        raise RunIsOver(f"run {told.id} is {told.state} and has stored no {data!r}")
    return told.data[data]


_THEN = {
    RunState.PAUSED: "it goes on once it is resumed",
    RunState.BLOCKED: "it goes on once what blocks it is mended and it is retried",
}
"""What becomes of a run that has not come to it, where it does not go on by itself."""


def _wait(
    run: RunId, has_come: Callable[[RunView], bool], timeout_seconds: float | None, what: str
) -> RunView:
    until = end_of_wait(timeout_seconds)
    run_id, in_vain = run_id_of(run), False
    while True:
        seen = get_run(newest_of(run_id))
        if seen.continued_as is None and has_come(seen):
            return seen
        if in_vain or (until is not None and time.monotonic() >= until):
            told = f"run {seen.id} is {seen.state}: it did not {what} within the time given"
            raise WaitTimedOut(f"{told}; {_THEN.get(seen.state, 'it goes on')}")
        with Waiter(seen.id) as waiter:
            if waiter.others_see_it:
                _wait_for_news(waiter, seen, has_come, until)
            else:
                _help(seen)
                in_vain = True


def _wait_for_news(
    waiter: Waiter, seen: RunView, has_come: Callable[[RunView], bool], until: float | None
) -> None:
    """Return once the run has come to it, has gone on as another, or the time is over."""
    while True:
        now = get_run(seen.id)  # anew: it may have come before anybody knew that we wait
        left = None if until is None else until - time.monotonic()
        if has_come(now) or now.continued_as is not None or (left is not None and left <= 0):
            return
        poll = conf().poll_seconds
        waiter.wait(poll if left is None else min(poll, left))


def _help(seen: RunView) -> None:
    """Nobody else sees the run before the transaction that started it is committed: who waits inside
    it would wait for ever."""
    drive_instead(
        f"run {seen.id} was started in this transaction, so nobody drives it before the end of that; "
        "wait for it behind the transaction"
    )


def drive_instead(sentence: str) -> None:
    """Drive runs in the place of a wait that would have no end. Raises InvalidInput with the sentence,
    outside of tests."""
    check_end_of_wait(sentence)
    assert _helper is not None  # noqa: S101 - checked
    _helper()


def check_end_of_wait(sentence: str) -> None:
    """Raise InvalidInput with the sentence, outside of tests."""
    if _helper is None:
        raise InvalidInput(sentence)


def end_of_wait(timeout_seconds: Any) -> float | None:
    """Return when a wait is over, by the monotonic clock; None: never. Raises InvalidInput."""
    if timeout_seconds is None:
        return None
    try:
        return time.monotonic() + sensible_seconds("timeout_seconds", timeout_seconds)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None


_helper: Callable[[], None] | None = None


def set_helper(helper: Callable[[], None] | None) -> None:
    """Let this drive runs in the place of a wait that would have no end (the kit for tests)."""
    global _helper
    _helper = helper
