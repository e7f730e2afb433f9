"""A failed attempt: is there another, and what does history keep of it?"""

import random
from dataclasses import dataclass
from datetime import datetime

from workflows import signals
from workflows.core import lines
from workflows.core.error_kind import ErrorKind, errors_in
from workflows.core.errors import (
    DefinitionError,
    Permanent,
    StepFailed,
    Transient,
    ValueNotStorable,
)
from workflows.core.failure import Failure, describe
from workflows.core.history import UNDO
from workflows.core.line_fields import RETRY_AT
from workflows.core.lines import StepFailure
from workflows.core.run import Fact, StepInfo
from workflows.core.running_steps import HEARTBEAT
from workflows.core.time_checks import LONGEST_SECONDS
from workflows.core.unwind import StepStopped
from workflows.definitions.step import StepDefinition
from workflows.engine.attempts.retry_policy import retry_policy
from workflows.engine.attempts.running_step import Running
from workflows.engine.attempts.step_job import Job
from workflows.engine.attempts.time_limit import limit_reached
from workflows.engine.session.session import Session
from workflows.store import history as store
from workflows.store.history import Written

_FOR_GOOD = (Permanent, ValueNotStorable, DefinitionError, StepStopped)
"""What no further attempt would change."""


class StepTimedOut(Exception):
    """What history records for a step that was stopped at its time limit."""

    error_kind = ErrorKind.TIME_LIMIT


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


def record_retry(session: Session, retry: Retry) -> datetime:
    """Record a failed attempt without parking; return when the next may begin."""
    return RETRY_AT.of(
        session.record(
            lambda notes: store.append_retry(
                session.run, retry.fact, seconds=retry.seconds, notes=notes
            )
        )
    )


def overrun_of_lost_attempt(session: Session, job: Job, info: StepInfo) -> StepTimedOut | None:
    """Return how the attempt about to begin has failed already: it could not be interrupted at its
    limit, and ended with its process. None: it has not."""
    lost = session.history.overran(job.position, info.attempt, undo=job.undo)
    if lost is None:
        return None
    told = limit_reached(
        job.step.timeout_seconds, job.step.heartbeat_seconds, silent=lost.overran == HEARTBEAT
    )
    return StepTimedOut(
        f"{told}; it could not be interrupted, so its process (host {lost.host}, pid {lost.pid}) "
        "was ended"
    )


def record_failure(
    session: Session, job: Job, running: Running, exc: BaseException
) -> Retry | Failed:
    """Say whether another attempt follows; a failure for good is recorded."""
    info = running.info
    failure = describe(exc, ErrorKind.TRANSIENT)
    permanent = any(isinstance(each, _FOR_GOOD) for each in errors_in(exc))
    permanent = permanent or not retry_policy(job.step).tries_again(exc, ErrorKind(failure["kind"]))
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
        return Retry(_attempt_fact(session, job, running, failure), delay)
    return _give_up(session, job, running, failure, permanent)


def _give_up(
    session: Session, job: Job, running: Running, failure: Failure, permanent: bool
) -> Failed:
    info = running.info
    told = StepFailure(error=failure, attempts=info.attempt, permanent=permanent)
    if job.undo:
        # Without a retry_at: the last of this round. `compensate` begins another.
        fact = _attempt_fact(session, job, running, failure, permanent=permanent)
    else:
        fact = lines.step_failed(job.position, info.name, told, job.received, seconds=running.lasts)
    return Failed(session.append(fact), told.raised(info.name))


def _attempt_fact(
    session: Session, job: Job, running: Running, failure: Failure, *, permanent: bool = False
) -> Fact:
    info = running.info
    part = info.attempt
    if job.step.at_most_once:
        part += 1  # the line that the attempt began has the first
    if job.undo:
        part = UNDO + session.history.failed_undos(job.position) + 1
    return lines.attempt_failed(
        job.position,
        part,
        info.name,
        attempt=info.attempt,
        attempts=retry_policy(job.step).attempts,
        error=failure,
        seconds=running.lasts,
        permanent=permanent,
        heartbeat=running.details,
        received=job.received,
    )


def _delay(step: StepDefinition, attempt: int, exc: BaseException) -> float | None:
    delay = retry_policy(step).delay_after(attempt, draw=random.random())  # noqa: S311 - no secret
    waits = [each.retry_after_seconds for each in errors_in(exc) if isinstance(each, Transient)]
    asked = [seconds for seconds in waits if seconds is not None]
    if delay is None or not asked:
        return delay
    return float(min(max(0.0, *asked), LONGEST_SECONDS))
