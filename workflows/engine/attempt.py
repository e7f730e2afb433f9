"""Run one attempt of one step: its limits, its transaction, its record."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from workflows import signals
from workflows.conf import conf
from workflows.core.codec import loads
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
from workflows.core.history import UNDO, HistoryKind
from workflows.core.run import Fact, Park, StepInfo
from workflows.core.waits import LONGEST_SECONDS
from workflows.engine.connections import run_isolated
from workflows.engine.current import Running, current
from workflows.engine.open_work import OpenWork
from workflows.engine.session import Done, Session
from workflows.engine.time_limit import Limit, TimeLimitReached, call_within
from workflows.registry import StepDefinition
from workflows.store import steps as store
from workflows.store.steps import Written, to_json


class StepTimedOut(Exception):
    """What history records for a step that was stopped at its time limit."""


class StepInDoubt(Exception):
    """What history records for an at-most-once step whose worker was lost while it ran."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A step to be run at a position: forward, or its compensation."""

    position: int
    step: StepDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    undo: bool = False

    def __call__(self) -> Any:
        return self.step.function(*self.args, **self.kwargs)


@dataclass(frozen=True)
class Completed:
    """The attempt's result, recorded; decoded as a replay would decode it."""

    written: Written
    value: Any


@dataclass(frozen=True)
class Retry:
    """The attempt failed and another follows. Nothing is recorded yet."""

    fact: Fact
    seconds: float


@dataclass(frozen=True)
class Failed:
    """The step has failed for good; recorded."""

    written: Written
    error: StepFailed


def attempt_step(session: Session, job: Job) -> Any:
    """Run the step once. Returns its result.

    Raises StepFailed after the last attempt, Suspend before the next one.
    """
    outcome = try_once(session, job)
    match outcome:
        case Retry():
            raise session.suspend(Park(seconds=outcome.seconds, fact=outcome.fact))
        case Failed():
            session.take_in(outcome.written)
            raise outcome.error
    note_done(session, job, outcome.value)
    session.take_in(outcome.written)
    return outcome.value


def note_done(session: Session, job: Job, output: Any) -> None:
    """Remember a completed step for the case that it must be undone."""
    if job.step.compensate is not None and not job.undo:
        session.done.append(
            Done(
                position=job.position,
                step=job.step,
                args=job.args,
                kwargs=job.kwargs,
                output=output,
            )
        )


def step_key(session: Session, position: int, *, undo: bool = False) -> str:
    """Return the idempotency key of the step at this position."""
    return f"{session.run.id}:{position}" + (":undo" if undo else "")


def step_failed(name: str, data: dict[str, Any]) -> StepFailed:
    """Return the error that workflow code gets, live and at every replay alike."""
    error = data["error"]
    return StepFailed(name, error["type"], error["message"], data["attempts"], data["permanent"])


def try_once(session: Session, job: Job) -> Completed | Retry | Failed:
    """Run the step once and record how it ended, but for a failure that is tried again."""
    limit = Limit(job.step.timeout_seconds, job.step.heartbeat_seconds)
    info = _info(session, job)
    running = Running(info=info, attempt=session.run.attempt, limit=limit, in_test=session.in_test)
    if connection.errors_occurred:
        connection.close_if_unusable_or_obsolete()
    before = OpenWork.now()
    token = current.set(running)
    try:
        return _run(session, job, info, limit)
    except Control as control:
        raise session.end(control) from None
    except BaseException as exc:  # SystemExit too: a step must not end its worker
        if isinstance(exc, KeyboardInterrupt) and not isinstance(exc, TimeLimitReached):
            raise
        with session.guarded():
            before.restore()
        return _failed(session, job, info, limit, exc)
    finally:
        current.reset(token)


def _info(session: Session, job: Job) -> StepInfo:
    history, policy = session.history, job.step.retry
    if job.undo:
        number = history.failed_undos(job.position) % policy.attempts + 1
    else:
        number = history.failed_attempts(job.position) + 1
    beat = loads(session.run.heartbeat) if session.run.heartbeat else {}
    return StepInfo(
        run_id=session.run.id,
        name=job.step.name,
        position=job.position,
        attempt=number,
        idempotency_key=step_key(session, job.position, undo=job.undo),
        heartbeat=beat.get("details") if beat.get("position") == job.position else None,
    )


def _run(session: Session, job: Job, info: StepInfo, limit: Limit) -> Completed:
    def limited() -> Any:
        return call_within(limit, job)

    if job.step.at_most_once:
        _claim_only_attempt(session, job)
    if job.step.atomic:
        return _run_atomic(session, job, info, limited)
    before = OpenWork.now()
    output = limited()
    before.compare()
    if connection.errors_occurred:  # the step may have swallowed the loss of its connection
        connection.close_if_unusable_or_obsolete()
    return _record(session, job, output)


def _claim_only_attempt(session: Session, job: Job) -> None:
    """Write down that the one attempt begins; found there already, its worker was lost in it."""
    if session.history.started(job.position) is not None:
        lost = "the worker was lost while this step ran; whether it took effect is not known"
        raise Permanent(lost) from StepInDoubt(lost)
    fact = Fact(kind=HistoryKind.STEP_STARTED, position=job.position, part=1, name=job.step.name)
    with session.guarded():
        written = store.append(session.run, fact)
    session.take_in(written)


def _run_atomic(
    session: Session, job: Job, info: StepInfo, limited: Callable[[], Any]
) -> Completed:
    recorded: Completed | None = None
    committed: list[bool] = []
    try:
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(True))
            with run_isolated(job.step.isolation):
                before = OpenWork.now()
                output = limited()
                before.compare()
                # Last, so that the run's row is locked for the commit only, not for the whole step.
                recorded = _record(session, job, output)
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


def _record(session: Session, job: Job, output: Any) -> Completed:
    result = job.step.signature.result
    text = result.encode(output, max_bytes=conf().max_payload_bytes)
    value = result.decode(text)
    fact = Fact(
        kind=HistoryKind.COMPENSATION_COMPLETED if job.undo else HistoryKind.STEP_COMPLETED,
        position=job.position,
        part=UNDO if job.undo else 0,
        name=job.step.name,
        data=f'{{"output": {text}}}',
    )
    return Completed(_append(session, fact), value)


def _append(session: Session, fact: Fact) -> Written:
    notes = session.notes()
    with session.guarded():
        written = store.append(session.run, fact, notes=notes)
    if written is None:
        raise LeaseLost
    session.kept(notes)
    return written


def _failed(
    session: Session, job: Job, info: StepInfo, limit: Limit, exc: BaseException
) -> Retry | Failed:
    if isinstance(exc, TimeLimitReached):
        exc = StepTimedOut(limit.reached())
    failure = describe(exc)
    permanent = isinstance(exc, Permanent | ValueNotStorable | DefinitionError)
    delay = None if permanent else _delay(job.step, info.attempt, exc)
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
        return Retry(_attempt_fact(session, job, info, failure), delay)
    return _failed_for_good(session, job, info, failure, permanent)


def _failed_for_good(
    session: Session, job: Job, info: StepInfo, failure: Failure, permanent: bool
) -> Failed:
    data = {"error": failure, "attempts": info.attempt, "permanent": permanent}
    if job.undo:
        # Without a retry_at: the last of this round. `compensate` begins another.
        fact = _attempt_fact(session, job, info, failure, permanent=permanent)
    else:
        fact = Fact(
            kind=HistoryKind.STEP_FAILED,
            position=job.position,
            name=info.name,
            data=to_json(data),
        )
    return Failed(_append(session, fact), step_failed(info.name, data))


def _attempt_fact(
    session: Session, job: Job, info: StepInfo, failure: Failure, *, permanent: bool = False
) -> Fact:
    data = {
        "attempt": info.attempt,
        "attempts": job.step.retry.attempts,
        "error": failure,
        "permanent": permanent,
    }
    kind, part = HistoryKind.ATTEMPT_FAILED, info.attempt
    if job.step.at_most_once:
        part += 1  # the line that the attempt began has the first
    if job.undo:
        kind = HistoryKind.COMPENSATION_ATTEMPT_FAILED
        part = UNDO + session.history.failed_undos(job.position) + 1
    return Fact(kind=kind, position=job.position, part=part, name=info.name, data=to_json(data))


def _delay(step: StepDefinition, attempt: int, exc: BaseException) -> float | None:
    delay = step.retry.delay_after(attempt, draw=random.random())  # noqa: S311 - no secret
    if delay is None or not isinstance(exc, Transient) or exc.retry_after_seconds is None:
        return delay
    return float(min(max(0.0, exc.retry_after_seconds), LONGEST_SECONDS))
