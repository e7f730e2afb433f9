"""Compensation: undo completed steps, the last first, each once, going on after every crash."""

from workflows.core.history import HistoryEntry
from workflows.core.lines import step_failure
from workflows.core.unwind import Drain
from workflows.engine.attempts.step_attempt import attempt_step, recorded_output
from workflows.engine.attempts.step_job import Job
from workflows.engine.session.drive_memory import CompletedStep
from workflows.engine.session.session import Session


def undo(session: Session, done: list[CompletedStep]) -> None:
    """Undo these steps, the last completed first. Raises StepFailed when one cannot be undone.

    One that has failed for good is tried again only where the run has begun to compensate since.
    """
    for step in sorted(done, key=lambda each: _completed(session, each), reverse=True):
        undone = session.history.undone(step.position)
        if undone is not None:
            session.now = undone.at
            continue
        given_up = session.history.undo_given_up(step.position)
        if given_up is not None:
            session.now = given_up.at
            raise step_failure(given_up).raised(given_up.name)
        session.before_undo()
        if session.stopping():
            raise session.unwind(Drain())
        attempt_step(session, undo_job(session, step))


def undo_job(session: Session, done: CompletedStep) -> Job:
    """Return the compensation of a completed step: fn(output, *args, **kwargs); or what is to run when the
    run ends."""
    if done.cleanup:
        return Job(
            position=done.position,
            step=done.step,
            args=done.args,
            kwargs=done.kwargs,
            undo=True,
            pool=done.step.pool,
        )
    undo = done.step.compensate
    assert undo is not None  # noqa: S101 - only such steps are noted as done
    return Job(
        position=done.position,
        step=undo,
        args=(recorded_output(session, done.step, _outcome(session, done)), *done.args),
        kwargs=done.kwargs,
        undo=True,
        pool=undo.pool or done.step.pool,
    )


def _completed(session: Session, done: CompletedStep) -> int:
    """Return the place of the step's completion in history."""
    return _outcome(session, done).id


def _outcome(session: Session, done: CompletedStep) -> HistoryEntry:
    outcome = session.history.outcome(done.position)
    assert outcome is not None  # noqa: S101 - only completed steps are noted as done
    return outcome
