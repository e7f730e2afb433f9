"""What every attempt begins with, and what becomes of one that raises."""

from dataclasses import dataclass
from typing import Any

from workflows.core import lines
from workflows.core.codec import dumps
from workflows.core.error_kind import ErrorKind
from workflows.core.errors import Permanent
from workflows.core.unwind import Unwind
from workflows.engine.attempts.failed_attempt import StepTimedOut, overrun_of_lost_attempt
from workflows.engine.attempts.running_step import Running
from workflows.engine.attempts.step_job import Job, describe_attempt
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached
from workflows.engine.session.session import Session


class StepInDoubt(Exception):
    """What history records for an at-most-once step whose worker was lost while it ran."""

    error_kind = ErrorKind.LOST_WORKER


@dataclass(frozen=True)
class Returned:
    """The step has returned. Nothing is recorded yet."""

    running: Running
    output: Any


@dataclass(frozen=True)
class Raised:
    """The attempt has failed. Nothing is recorded yet."""

    running: Running
    error: BaseException


def begin_attempt(session: Session, job: Job, limit: Limit) -> Running | Raised:
    """Return the attempt that begins; or how it has failed already, with its process."""
    info = describe_attempt(session, job)
    running = Running(
        info=info,
        attempt=session.run.attempt,
        limit=limit,
        undo=job.undo,
        growth=session.growth,
        run_stream=session.run_stream,
        in_test=session.in_test,
        stops_on_cancel=job.step.stops_on_cancel and not job.undo,
    )
    overrun = overrun_of_lost_attempt(session, job, info)
    if overrun is None:
        return running
    running.details = None if info.heartbeat is None else dumps(info.heartbeat)
    return Raised(running, overrun)


def claim_only_attempt(session: Session, job: Job) -> None:
    """Write down that the one attempt begins; found there already, its worker was lost in it."""
    if session.history.started(job.position) is not None:
        lost = "the worker was lost while this step ran; whether it took effect is not known"
        raise Permanent(lost) from StepInDoubt(lost)
    fact = lines.step_started(job.position, job.step.name, job.received)
    session.take_in(session.append(fact))


def raised(session: Session, running: Running, exc: BaseException) -> Raised:
    """Return what an attempt that raised this has come to. SystemExit too: a step must not end its
    worker. Raises what is no failure of the step's."""
    if isinstance(exc, Unwind):
        raise session.unwind(exc) from None
    if isinstance(exc, TimeLimitReached):
        return Raised(running, StepTimedOut(running.limit.reached()))
    if isinstance(exc, KeyboardInterrupt):
        raise exc
    return Raised(running, exc)
