"""Compensation: undo completed steps, the last first, each once, going on after every crash."""

from workflows.core.errors import Drain
from workflows.engine.attempt import Job, attempt_step, step_failed
from workflows.engine.session import Done, Session


def undo(session: Session, done: list[Done], *, again: bool) -> None:
    """Undo these steps in reverse order. Raises StepFailed when one cannot be undone.

    again: begin a new round of attempts for one that has failed for good before.
    """
    for step in sorted(done, key=lambda each: each.position, reverse=True):
        if session.history.undone(step.position):
            continue
        failure = session.history.last_undo_failure(step.position)
        if failure is not None and failure.data.get("retry_at") is None and not again:
            raise step_failed(failure.name, {**failure.data, "attempts": failure.data["attempt"]})
        if session.stopping():
            raise session.end(Drain())
        attempt_step(session, undo_job(step))


def undo_job(done: Done) -> Job:
    """Return the compensation of a completed step: fn(output, *args, **kwargs)."""
    assert done.step.compensate is not None  # noqa: S101 - only such steps are noted as done
    return Job(
        position=done.position,
        step=done.step.compensate,
        args=(done.output, *done.args),
        kwargs=done.kwargs,
        undo=True,
    )
