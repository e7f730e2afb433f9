"""Drive a run: replay what it has done, do what is new, park it or end it."""

from collections.abc import Callable, Collection
from functools import partial

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from workflows.core.endings import Ending, UndoWhen, Write, what_to_write
from workflows.core.errors import DefinitionError, ReplayError, UnknownWorkflow
from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.core.unwind import Drain, LostInStep, StoreFailed, Unwind
from workflows.definitions.workflow import find_workflow
from workflows.engine.drive import newer_code, run_end
from workflows.engine.drive.carry_out import carry_out
from workflows.engine.drive.ended import Ended, replay_to_its_end, unwound_by
from workflows.engine.drive.undoing import recollect_and_undo
from workflows.engine.drive.workflow_code import input_of
from workflows.engine.session.company import Company
from workflows.engine.session.limits import take_for_run
from workflows.engine.session.session import Session


def drive(
    run: ClaimedRun,
    *,
    stopping: Callable[[], bool] = lambda: False,
    company: Company | None = None,
    pools: Collection[str] | None = None,
    make_session: Callable[..., Session] = Session,
) -> bool:
    """Take a claimed run as far as it goes now. True: this process should end afterwards, because
    a step outlived its time limit in a thread.

    stopping is asked before each new operation; once it says yes, the run goes back to the queue.
    company: the other drives of this process, of which a run that was lost in company wants few.
    pools: whose steps run here; for any other the run goes where it is served. None: all of them do.
    make_session: what takes the place of Session, for who gives the code another context.
    Never raises for what the workflow does. Raises StoreFailed when the database does not answer, or
    refuses: what was committed stands, and the run is driven again. Values that it cannot take
    (DataError, IntegrityError) it would refuse again: the run is blocked.
    """
    try:
        return _drive(run, stopping, company, partial(make_session, pools=pools))
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def _drive(
    run: ClaimedRun,
    stopping: Callable[[], bool],
    company: Company | None,
    make_session: Callable[..., Session],
) -> bool:
    definition = find_workflow(run.workflow, run.version)
    if definition is None:
        _set_aside_without_code(run)
        return False
    session = make_session(run, definition, stopping, company=company)
    try:
        _load_and_replay(session)
    except StoreFailed as failed:
        refused_for_good = isinstance(failed.cause, DataError | IntegrityError)
        if isinstance(failed, LostInStep) or not refused_for_good:
            raise
        carry_out(session, Ended(Ending.STORE_REFUSED, failed.cause))
    finally:
        session.leave_room()
    return session.process_must_end


def _load_and_replay(session: Session) -> None:
    try:
        session.load()
        carry_out(session, _go_on(session))
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def _go_on(session: Session) -> Ended:
    """Go on with the run as far as it goes now."""
    unreadable = newer_code.unreadable(session)
    if unreadable is not None:
        return unwound_by(session, unreadable)
    if not session.has_room():
        return unwound_by(session, session.unwind(Drain()))
    try:
        take_for_run(session, partial(input_of, session))
    except (Unwind, ReplayError) as why:
        return unwound_by(session, why)
    except DefinitionError as wrong:
        return Ended(Ending.MISMATCH if session.undoing else Ending.WRONG_DEFINITION, wrong)
    if session.undoing:
        return recollect_and_undo(session)
    return replay_to_its_end(session)


def _set_aside_without_code(run: ClaimedRun) -> None:
    missing = f"no code here for {run.workflow!r} version {run.version}; deploy it, then retry"
    for held in (RunState(run.state), RunState.CANCELLING):  # it may be being cancelled by now
        match what_to_write(Ending.CODE_MISSING, held, UndoWhen()):
            case Write.BLOCK:
                if run_end.block(run, UnknownWorkflow(missing)):
                    return
            case Write.CANCEL:
                run_end.cancel_without_code(run)
