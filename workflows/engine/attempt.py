"""Run one attempt of one step: its limits, its transaction, its record, its retries."""

import contextvars
import random
from collections.abc import Callable
from typing import Any, NoReturn

from django.db import InterfaceError, OperationalError, connection, transaction

from workflows import signals
from workflows.conf import conf
from workflows.core.errors import (
    Control,
    DefinitionError,
    LeaseLost,
    Permanent,
    StepFailed,
    StoreFailed,
    Transient,
    ValueNotStorable,
)
from workflows.core.failure import Failure, describe
from workflows.core.history import HistoryKind
from workflows.core.run import Fact, Park, StepInfo
from workflows.core.waits import LONGEST_SECONDS
from workflows.engine.open_work import OpenWork, drop_broken_connection
from workflows.engine.session import Session
from workflows.engine.time_limit import TimeLimitReached, call_within
from workflows.registry import StepDefinition
from workflows.store import steps as store
from workflows.store.steps import Written, to_json

_current: contextvars.ContextVar[StepInfo | None] = contextvars.ContextVar("step", default=None)


class StepTimedOut(Exception):
    """What history records for a step that was stopped at its time limit."""


def current_step() -> StepInfo | None:
    """Return which attempt of which step is running here; None outside a step."""
    return _current.get()


def attempt_step(
    session: Session, position: int, step: StepDefinition, call: Callable[[], Any]
) -> Any:
    """Run the step once. Returns its result, decoded as a replay would decode it.

    Raises StepFailed after the last attempt, Suspend before the next one.
    """
    number = session.history.failed_attempts(position) + 1
    key = step_key(session, position)
    info = StepInfo(
        run_id=session.run.id,
        name=step.name,
        position=position,
        attempt=number,
        idempotency_key=key,
    )
    drop_broken_connection()
    before = OpenWork.now()
    token = _current.set(info)
    try:
        written, value = _run(session, info, step, call)
    except Control as control:
        raise session.end(control) from None
    except BaseException as exc:  # SystemExit too: a step must not end its worker
        if isinstance(exc, KeyboardInterrupt) and not isinstance(exc, TimeLimitReached):
            raise
        with session.guarded():
            before.restore()
        _failed(session, info, step, exc)
    finally:
        _current.reset(token)
    session.take_in(written)
    return value


def step_key(session: Session, position: int) -> str:
    """Return the idempotency key of the step at this position."""
    return f"{session.run.id}:{position}"


def step_failed(name: str, data: dict[str, Any]) -> StepFailed:
    """Return the error that workflow code gets, live and at every replay alike."""
    error = data["error"]
    return StepFailed(name, error["type"], error["message"], data["attempts"], data["permanent"])


def _run(
    session: Session, info: StepInfo, step: StepDefinition, call: Callable[[], Any]
) -> tuple[Written, Any]:
    def limited() -> Any:
        return call_within(step.timeout_seconds, call)

    if step.atomic:
        return _run_atomic(session, info, step, limited)
    before = OpenWork.now()
    output = limited()
    before.compare()
    drop_broken_connection()  # the step may have swallowed its loss
    return _record(session, info, step, output)


def _run_atomic(
    session: Session, info: StepInfo, step: StepDefinition, limited: Callable[[], Any]
) -> tuple[Written, Any]:
    recorded: tuple[Written, Any] | None = None
    committed: list[bool] = []
    try:
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(True))
            before = OpenWork.now()
            output = limited()
            before.compare()
            # Last, so that the run's row is locked for the commit only, not for the whole step.
            recorded = _record(session, info, step, output)
    except Exception as exc:
        if recorded is None or not (committed or _lost_in_commit(exc)):
            raise
        if not committed:
            # Whether the commit took place, the replay will tell.
            raise StoreFailed(exc) from exc
        # An on_commit hook of the step failed: the effect and its record stand.
        signals.hook_failed.send_robust(
            sender=StepDefinition, run_id=info.run_id, step=info.name, error=exc
        )
    return recorded


def _lost_in_commit(exc: Exception) -> bool:
    return isinstance(exc, OperationalError | InterfaceError) and not connection.is_usable()


def _record(
    session: Session, info: StepInfo, step: StepDefinition, output: Any
) -> tuple[Written, Any]:
    result = step.signature.result
    text = result.encode(output, max_bytes=conf().max_payload_bytes)
    value = result.decode(text)
    fact = Fact(
        kind=HistoryKind.STEP_COMPLETED,
        position=info.position,
        name=info.name,
        data=f'{{"output": {text}}}',
    )
    with session.guarded():
        written = store.append(session.run, fact)
    if written is None:
        raise LeaseLost
    return written, value


def _failed(session: Session, info: StepInfo, step: StepDefinition, exc: BaseException) -> NoReturn:
    """Record a failed attempt: park for the next one, or fail the step for good."""
    if isinstance(exc, TimeLimitReached):
        exc = StepTimedOut(f"the step ran longer than its limit of {step.timeout_seconds:g} s")
    failure = describe(exc)
    permanent = isinstance(exc, Permanent | ValueNotStorable | DefinitionError)
    delay = None if permanent else _delay(step, info.attempt, exc)
    signals.attempt_failed.send_robust(
        sender=StepDefinition,
        run_id=info.run_id,
        workflow=session.run.workflow,
        step=info.name,
        attempt=info.attempt,
        error=failure,
        retry_in_seconds=delay,
    )
    if delay is not None:
        raise session.suspend(_next_attempt(info, step, failure, delay))
    data = {"error": failure, "attempts": info.attempt, "permanent": permanent}
    fact = Fact(
        kind=HistoryKind.STEP_FAILED, position=info.position, name=info.name, data=to_json(data)
    )
    with session.guarded():
        written = store.append(session.run, fact)
    session.take_in(written)
    raise step_failed(info.name, data)


def _delay(step: StepDefinition, attempt: int, exc: BaseException) -> float | None:
    delay = step.retry.delay_after(attempt, draw=random.random())  # noqa: S311 - no secret
    if delay is None or not isinstance(exc, Transient) or exc.retry_after_seconds is None:
        return delay
    return float(min(max(0.0, exc.retry_after_seconds), LONGEST_SECONDS))


def _next_attempt(info: StepInfo, step: StepDefinition, failure: Failure, delay: float) -> Park:
    data = {"attempt": info.attempt, "attempts": step.retry.attempts, "error": failure}
    fact = Fact(
        kind=HistoryKind.ATTEMPT_FAILED,
        position=info.position,
        part=info.attempt,
        name=info.name,
        data=to_json(data),
    )
    return Park(seconds=delay, fact=fact)
