"""Run one attempt of one step: its limits, its transaction, its record."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from workflows import signals
from workflows.conf import conf
from workflows.core import lines
from workflows.core.errors import ReplayMismatch, ValueNotStorable
from workflows.core.history import HistoryEntry
from workflows.core.kept import refuse_loss
from workflows.core.line_fields import OUTPUT
from workflows.core.run import Fact, Park
from workflows.core.unwind import LostInStep, StoreFailed
from workflows.definitions.step import StepDefinition
from workflows.engine.attempts.async_attempt import perform_async
from workflows.engine.attempts.begin_attempt import (
    Raised,
    Returned,
    begin_attempt,
    claim_only_attempt,
    raised,
)
from workflows.engine.attempts.emit import finish_stream
from workflows.engine.attempts.failed_attempt import Failed, Retry, record_failure
from workflows.engine.attempts.isolation import append_in_step, run_isolated
from workflows.engine.attempts.open_transactions import OpenWork, drop_broken_connection
from workflows.engine.attempts.running_step import Running, enter, leave
from workflows.engine.attempts.step_job import Job, limit_of, note_completed
from workflows.engine.attempts.time_limit import Limit, call_within
from workflows.engine.session.connection_loss import is_broken, is_lost
from workflows.engine.session.limits import free, take_or_park
from workflows.engine.session.session import Session
from workflows.engine.session.step_pool import go_where_it_runs, guest_pool, waits_for
from workflows.store.history import Written
from workflows.store.lent_connections import enter_step, leave_step

CONFLICTS = (SerializationFailure, DeadlockDetected)
"""PostgreSQL has rolled the transaction back; the same again may succeed."""
RENEWED_SINCE_SECONDS = 0.5
"""While a step runs for so long, its run's lease may be renewed, and the step shown (cluster/lease_renewal.py)."""


@dataclass(frozen=True)
class Completed:
    """The attempt's result, recorded; decoded as a replay would decode it."""

    running: Running
    written: Written
    value: Any


Ran = Completed | Returned | Raised


def attempt_step(session: Session, job: Job) -> Any:
    """Run the step once. Returns its result.

    Raises StepFailed after the last attempt, Suspend before the next one and for another cluster's.
    """
    if job.pool is not None or session.away:
        go_where_it_runs(session, job.pool, undo=job.undo)
    if job.step.limits:
        take_or_park(session, job.position, job.step.limits, job.named)
    outcome = try_once(session, job, limit_of(job))
    if isinstance(outcome, Retry):
        raise session.suspend(
            _until_retry(session, job, outcome)
        )  # its limits are given back with it
    if job.step.limits:
        free(session, job.position)
    match outcome:
        case Failed():
            session.take_in(outcome.written)
            raise outcome.error
    note_completed(session, job)
    session.take_in(outcome.written)
    return outcome.value


def _until_retry(session: Session, job: Job, retry: Retry) -> Park:
    pool = guest_pool(session, job.pool)
    return Park(
        seconds=retry.seconds,
        fact=retry.fact,
        heeds_deadline=not job.undo,
        step_pool=pool,
        waiting_for=waits_for(pool),
    )


def recorded_output(session: Session, step: StepDefinition, outcome: HistoryEntry) -> Any:
    """Return the result that history has for a step, decoded. Raises ReplayMismatch."""
    try:
        return step.signature.result.from_plain(OUTPUT.of(outcome))
    except ValueNotStorable as exc:
        recorded = f"step {step.name!r} with another result ({exc})"
        mismatch = ReplayMismatch(outcome.position or 0, f"step {step.name!r}", recorded)
        raise session.unwind(mismatch) from None


def try_once(session: Session, job: Job, limit: Limit) -> Completed | Retry | Failed:
    """Run the step once and record how it ended, but for a failure that is tried again."""
    return record(session, job, perform(session, job, limit))


def perform(session: Session, job: Job, limit: Limit) -> Ran:
    """Run the step once, in whichever thread. It is recorded here only where that belongs to the
    step's own transaction."""
    if job.step.is_async:
        return perform_async(session, job, limit)
    running = begin_attempt(session, job, limit)
    if isinstance(running, Raised):
        return running
    drop_broken_connection()
    before = OpenWork.now()
    token = enter(running)
    try:
        return _run(session, job, running, before)
    except BaseException as exc:
        failed = raised(session, running, exc)
        with session.guarded():
            before.restore()
        return failed
    finally:
        leave(running, token)


def record(session: Session, job: Job, ran: Ran) -> Completed | Retry | Failed:
    """Record how an attempt ended, but for a failure that is tried again."""
    _finish_stream(session)
    match ran:
        case Completed():
            _announce(session, job, ran.running)
            return ran
        case Raised():
            return record_failure(session, job, ran.running, ran.error)
    try:
        recorded = _record(job, ran, session.append)
    except Exception as exc:  # it cannot be stored
        return record_failure(session, job, ran.running, exc)
    _announce(session, job, ran.running)
    return recorded


def _finish_stream(session: Session) -> None:
    if session.run_stream.waiting:
        with session.guarded():
            finish_stream(session.run_stream, in_test=session.in_test)


def _announce(session: Session, job: Job, running: Running) -> None:
    signals.step_completed.send_robust(
        sender=StepDefinition,
        run_id=session.run.id,
        workflow=session.run.workflow,
        step=job.step.name,
        position=job.position,
        attempt=running.info.attempt,
        seconds=running.seconds,
        undo=job.undo,
    )


def _run(session: Session, job: Job, running: Running, before: OpenWork) -> Completed | Returned:
    def limited() -> Any:
        began = time.monotonic()
        output = call_within(running.limit, job)
        running.seconds = time.monotonic() - began
        return output

    if job.step.at_most_once:
        claim_only_attempt(session, job)
    if job.step.atomic:
        return _run_atomic(session, job, running, limited)
    lent = enter_step()
    try:
        output = limited()
    finally:
        leave_step(lent)
    before.compare()
    drop_broken_connection()  # the step may have swallowed its loss
    return Returned(running, output)


def _run_atomic(
    session: Session, job: Job, running: Running, limited: Callable[[], Any]
) -> Completed:
    raw: Any = None
    recorded: Completed | None = None
    committed: list[bool] = []
    try:
        with ExitStack() as until_commit, transaction.atomic():
            raw = connection.connection
            transaction.on_commit(lambda: committed.append(True))
            with run_isolated(job.step.isolation):
                before = OpenWork.now()
                output = limited()
                before.compare()
                _finish_stream(session)
                # Last, so that the run's row is locked for the commit only, not for the whole step.
                long = running.seconds >= RENEWED_SINCE_SECONDS
                append = partial(append_in_step, session, until_commit=until_commit, long=long)
                recorded = _record(job, Returned(running, output), append)
    except StoreFailed as failed:
        if is_broken(raw):
            raise LostInStep(failed.cause, running.began) from failed
        if not isinstance(failed.cause.__cause__, CONFLICTS):
            raise
        # Two transactions in each other's way, found at the record: an attempt like another.
        raise failed.cause from None
    except Exception as exc:
        if raw is None and is_lost(exc):
            raise StoreFailed(exc) from exc  # there is none to be had
        if not committed:
            if is_broken(raw) or (recorded is not None and is_lost(exc)):
                # Whether a commit that was under way took place, the replay will tell.
                raise LostInStep(exc, running.began) from exc
            raise
        # An on_commit hook of the step failed: the effect and its record stand.
        signals.hook_failed.send_robust(
            sender=StepDefinition, run_id=session.run.id, step=job.step.name, error=exc
        )
    assert recorded is not None  # noqa: S101 - the commit comes after the record
    return recorded


def _record(job: Job, ran: Returned, append: Callable[[Fact], Written]) -> Completed:
    result = job.step.signature.result
    text = result.encode(ran.output, max_bytes=conf().max_payload_bytes)
    value = result.decode(text)
    if not job.undo:  # what a compensation returns nobody reads
        refuse_loss(ran.output, value)
    fact = lines.step_completed(
        job.position,
        job.step.name,
        text,
        job.received,
        seconds=ran.running.lasts,
        undo=job.undo,
    )
    return Completed(ran.running, append(fact), value)
