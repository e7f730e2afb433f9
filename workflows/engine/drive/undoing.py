"""Undo the completed steps of a run, and say how that has ended."""

from workflows.core.endings import Ending
from workflows.core.errors import StepFailed
from workflows.core.unwind import Drain, LeaseLost, Suspend
from workflows.engine.attempts.compensation import undo
from workflows.engine.drive.ended import Ended, unwound_by
from workflows.engine.drive.workflow_code import retrace
from workflows.engine.session.session import Session


def recollect_and_undo(session: Session) -> Ended:
    """Learn from a replay which steps have completed, with their arguments; then undo them."""
    mismatch, _ = retrace(session)
    session.only_replay = False
    return undo_steps(session) if mismatch is None else unwound_by(session, mismatch)


def undo_steps(session: Session) -> Ended:
    """Undo the completed steps, the last first."""
    session.unwinding = None
    try:
        undo(session, session.undoable)
    except (Suspend, Drain, LeaseLost) as unwinding:
        return unwound_by(session, unwinding)
    except StepFailed as failed:
        return Ended(Ending.NOT_UNDONE, failed)
    return Ended(Ending.UNDONE)
