"""Ask a run to change something, and wait for its answer."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from workflows.conf import conf
from workflows.core.errors import (
    InvalidInput,
    RunIsOver,
    RunNotFound,
)
from workflows.core.run import RunId
from workflows.core.states import DEAF_STATES
from workflows.core.update_errors import UpdateFailed, UpdateRefused, UpdateTimedOut
from workflows.core.update_lines import UPDATE_EVENT
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine.requests.result import check_end_of_wait, drive_instead, end_of_wait
from workflows.engine.requests.send_event import check_names, deliver
from workflows.engine.requests.send_or_start import there_or_begun
from workflows.engine.requests.start_options import StartOptions, asked_run
from workflows.store import updates as store
from workflows.store.updates import REFUSED, Asked
from workflows.store.views import get_run
from workflows.store.waiters import Waiter

_IN_A_TRANSACTION = (
    "update() waits for an answer, and a run hears of it at the end of the transaction only: call it "
    "outside of one"
)


def update(
    run: RunId,
    name: str,
    payload: Any = None,
    *,
    key: str | None = None,
    timeout_seconds: float | None = None,
) -> Any:
    """Hand something to the function that the run has given to run.on_update(name, …), and return what
    that returns: a JSON value.

    Where the run has none of this name yet, the update is kept for it. key makes it idempotent: the same
    update again waits for the same answer. Behind timeout_seconds the update still counts. It is committed
    at once, so inside a transaction it is refused (InvalidInput). Raises UpdateFailed with what the handler
    has raised; UpdateRefused where its validator, or the type of its parameter, refuses; UpdateTimedOut;
    RunIsOver where the run has ended, or undoes its steps, without an answer; RunNotFound, KeyConflict,
    InvalidInput.
    """
    refuse("calls update()", IN_A_STEP)
    until = _prepared(name, key, timeout_seconds)
    return _answer(_put(run, name, payload, key), name, until)


def update_or_start(
    workflow: Callable[..., Any] | str,
    name: str,
    payload: Any = None,
    /,
    *,
    key: str | None = None,
    subject: object = None,
    input: Mapping[str, Any] | None = None,
    update_key: str | None = None,
    timeout_seconds: float | None = None,
    **options: Any,
) -> Any:
    """Update the run that has this key; where there is none, start it, with the update.

    Both are committed together. Of a workflow with one_per_subject, the subject may stand in the place of
    the key. input and options are those of start, for the run that is started. update_key is the key of
    the update. Raises as update and send_or_start.
    """
    refuse("calls update_or_start()", IN_A_STEP)
    until = _prepared(name, update_key, timeout_seconds)
    given = StartOptions(key=key, subject=subject, **options)
    asked = asked_run(workflow, (), dict(input or {}), given)
    if key is None and not asked.new.one_per_subject:
        raise InvalidInput(
            "update_or_start: give a key=, or the subject= of a workflow with one for each"
        )
    _, event = there_or_begun(asked, lambda run: _put(run, name, payload, update_key))
    return _answer(event, name, until)


def _prepared(name: Any, key: Any, timeout_seconds: Any) -> float | None:
    """Check what can be before anything is sent. Returns when the wait is over."""
    check_names(name, key)
    if connection.in_atomic_block:
        check_end_of_wait(_IN_A_TRANSACTION)
    return end_of_wait(timeout_seconds)


def _put(run: RunId, name: str, payload: Any, key: str | None) -> int:
    key = f"{UPDATE_EVENT}{uuid4()}" if key is None else key
    return deliver(run, UPDATE_EVENT + name, payload, key, told=f"update {name!r}")


def _answer(event: int, name: str, until: float | None) -> Any:
    """Wait for the answer and return it, or raise what it is."""
    helped, asked = False, _look(event, name)
    while not _is_settled(asked):
        if helped or (until is not None and time.monotonic() >= until):
            raise UpdateTimedOut(
                f"run {asked.run_id} is {asked.state} and has not answered {name!r} within the time given; "
                f"the update still counts{_answered_now(asked.run_id, name)}"
            )
        if connection.in_atomic_block:
            drive_instead(_IN_A_TRANSACTION)
            helped = True
        else:
            _wait_for_news(event, name, asked, until)
        asked = _look(event, name, asked)
    return _told(asked, name)


def _answered_now(run_id: UUID, name: str) -> str:
    """Say which updates a run answers where it waits, where this is none of them: a mistyped name."""
    waits_for = get_run(run_id).waiting_for
    names = [each.removeprefix(UPDATE_EVENT) for each in waits_for if each.startswith(UPDATE_EVENT)]
    if not names or name in names:
        return ""
    return f"; it answers {', '.join(map(repr, names))} where it is now"


def _wait_for_news(event: int, name: str, asked: Asked, until: float | None) -> None:
    """Return once there is an answer, the run has gone on as another, or the time is over."""
    with Waiter(asked.run_id) as waiter:
        while True:
            now = _look(
                event, name, asked
            )  # anew: it may have come before anybody knew that we wait
            left = None if until is None else until - time.monotonic()
            if _is_settled(now) or now.run_id != asked.run_id or (left is not None and left <= 0):
                return
            poll = conf().poll_seconds
            waiter.wait(poll if left is None else min(poll, left))


def _look(event: int, name: str, before: Asked | None = None) -> Asked:
    asked = store.find_asked(event)
    if asked is None and before is not None:
        get_run(before.run_id)  # else it was pruned
        told = f"run {before.run_id} had ended without an answer to the update {name!r}"
        raise RunIsOver(f"{told}, and was retried: ask it anew")
    if asked is None:
        raise RunNotFound(f"the run that had the update {name!r} was pruned")
    return asked


def _is_settled(asked: Asked) -> bool:
    return asked.answer is not None or asked.state in DEAF_STATES


def _told(asked: Asked, name: str) -> Any:
    run_id, answer = str(asked.run_id), asked.answer
    if answer is None:
        raise RunIsOver(f"run {run_id} is {asked.state} and has not answered the update {name!r}")
    if REFUSED in answer:
        raise UpdateRefused(run_id, name, str(answer[REFUSED]))
    if "output" in answer:
        return answer["output"]
    error: Any = answer["error"]
    raise UpdateFailed(run_id, name, error["type"], error["message"], error.get("kind", ""))
