"""Undo the completed steps of a run, and say how that has ended."""

from dataclasses import replace

from workflows.core.endings import Ending
from workflows.core.errors import StepFailed
from workflows.core.unwind import Drain, LeaseLost, Suspend, Unwind
from workflows.engine.attempts.compensation import undo
from workflows.engine.drive.ended import Ended, unwound_by
from workflows.engine.drive.workflow_code import retrace
from workflows.engine.session.session import Session


def recollect_and_undo(session: Session) -> Ended:
    """Learn from a replay which steps have completed, with their arguments; then undo them."""
    mismatch, _ = retrace(session)
    session.only_replay = False
    return undo_steps(session) if mismatch is None else unwound_by(session, mismatch)


def clean_up(session: Session, ended: Ended) -> Ended:
    """Run what is to run when the run ends. Returns how the drive ends now: as given, if nothing of it
    failed. One that fails keeps no other from running."""
    session.unwinding = None
    not_cleaned: StepFailed | None = None
    for each in reversed([each for each in session.undoable if each.cleanup]):
        try:
            undo(session, [each])
        except StepFailed as failed:
            not_cleaned = not_cleaned or failed
        except Unwind as unwinding:
            return unwound_by(session, unwinding)
    if not_cleaned is None:
        return ended
    if ended.how is Ending.RAISED:
        return replace(ended, not_cleaned=not_cleaned)
    how = Ending.NOT_UNDONE if ended.how is Ending.CLEANED_UP else Ending.RAISED
    return Ended(how, not_cleaned)


def undo_steps(session: Session) -> Ended:
    """Undo the completed steps, the last first; where a cancel led here and the workflow does not undo
    its steps then, only clean up."""
    if session.history.cancel_began_it and session.definition.on_cancel != "compensate":
        return clean_up(session, Ended(Ending.CLEANED_UP))
    session.unwinding = None
    try:
        undo(session, session.undoable)
    except (Suspend, Drain, LeaseLost) as unwinding:
        return unwound_by(session, unwinding)
    except StepFailed as failed:
        return Ended(Ending.NOT_UNDONE, failed)
    return Ended(Ending.UNDONE)
