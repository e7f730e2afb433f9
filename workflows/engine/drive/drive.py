"""Drive a run: replay what it has done, do what is new, park it or end it."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from workflows.conf import conf
from workflows.core.decide import check_end
from workflows.core.errors import (
    Abandoned,
    Cancelled,
    ContinueAsNew,
    DefinitionError,
    Drain,
    LeaseLost,
    LostInStep,
    Parked,
    ReplayError,
    ReplayMismatch,
    StepFailed,
    StoreFailed,
    Suspend,
    UnknownWorkflow,
    ValueNotStorable,
)
from workflows.core.failure import Failure, as_json, describe
from workflows.core.run import ClaimedRun, Park
from workflows.core.states import RunState
from workflows.definitions.workflow import find_workflow
from workflows.engine.attempts.compensation import undo
from workflows.engine.drive import newer_code, run_end
from workflows.engine.drive.workflow_code import call_workflow, end_children, retrace
from workflows.engine.session.session import Session
from workflows.store import parking
from workflows.store import runs as store


def drive(run: ClaimedRun, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Take a claimed run as far as it goes now. True: this process should end afterwards, because
    a step outlived its time limit in a thread.

    stopping is asked before each new operation; once it says yes, the run goes back to the queue.
    Never raises for what the workflow does. Raises StoreFailed when the database does not answer, or
    refuses: what was committed stands, and the run is driven again. Values that it cannot take
    (DataError, IntegrityError) it would refuse again: the run is blocked.
    """
    try:
        return _drive(run, stopping)
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def _drive(run: ClaimedRun, stopping: Callable[[], bool]) -> bool:
    definition = find_workflow(run.workflow, run.version)
    if definition is None:
        missing = f"no code here for {run.workflow!r} version {run.version}; deploy it, then retry"
        if not run_end.block(run, UnknownWorkflow(missing)):
            store.end_run(run, RunState.CANCELLED)  # where it is being cancelled
        return False
    session = Session(run, definition, stopping)
    try:
        _load_and_replay(session)
    except StoreFailed as failed:
        refused_for_good = isinstance(failed.cause, DataError | IntegrityError)
        if isinstance(failed, LostInStep) or not refused_for_good:
            raise
        if session.undoing:
            _not_undone(session, failed.cause)
        else:
            _block(session, failed.cause)
    return session.worn_out


def _load_and_replay(session: Session) -> None:
    try:
        session.load()
        ahead = newer_code.unreadable(session.history)
        if ahead is not None:
            _give_up(session, ahead)
        elif session.run.state == RunState.COMPENSATING:
            _recollect(session)
        else:
            _replay(session)
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def _replay(session: Session) -> None:
    """Run the workflow code once, from its top as far as it goes."""
    try:
        result = call_workflow(session)
    except BaseException as exc:
        _unwound(session, session.ending or exc)
        return
    if session.ending is not None:  # the code swallowed it and returned
        _unwound(session, session.ending)
        return
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        _unwound(session, mismatch)
    else:
        _complete(session, result)


def _unwound(session: Session, why: BaseException) -> None:
    match why:
        case Parked():
            pass
        case Suspend():
            _park(session, why.park)
        case Cancelled():
            _cancelled(session)
        case Drain():
            if not store.release_run(session.run):
                _end_otherwise(session)
        case LeaseLost():
            run_end.lost(session)
        case ContinueAsNew():
            if not run_end.continue_as_new(session, why.input):
                _end_otherwise(session)
        case Abandoned():
            pass  # nothing is written: the process ends, and the run is recovered
        case StoreFailed():
            raise why
        case ReplayError() | DefinitionError():
            _block(session, why)
        case KeyboardInterrupt():
            raise why  # it belongs to the process
        case _:
            _fail_or_block(session, why)


def _park(session: Session, park: Park) -> None:
    if not parking.park_run(session.run, park, notes=session.changed_notes()):
        _end_otherwise(session)


def _complete(session: Session, result: Any) -> None:
    codec = session.definition.signature.result
    try:
        session.check_notes()
        output = codec.encode(result, max_bytes=conf().max_payload_bytes)
    except (ValueNotStorable, DefinitionError) as exc:
        _fail(session, exc)
        return
    _end(session, RunState.COMPLETED, output=output)


def _fail_or_block(session: Session, exc: BaseException) -> None:
    """An error in the middle of a replay is changed code, not an outcome."""
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        asked = ReplayMismatch(mismatch.position, f"{exc!r}", mismatch.recorded)
        _block(session, asked)
        return
    _fail(session, exc)


def _fail(session: Session, exc: BaseException) -> None:
    failure = describe(exc)
    end_children(session)  # those that a deadline or an output left no time to wait for
    if session.definition.on_failure == "compensate" and session.done:
        error = as_json(failure)
        if store.begin_compensation(session.run, error=error, notes=session.changed_notes()):
            session.history.begin_compensation()
            _undo(session)
            return
        _end_otherwise(session)
        return
    _end(session, RunState.FAILED, failure=failure)


def _cancelled(session: Session) -> None:
    if session.definition.on_cancel == "compensate":
        if store.begin_compensation(session.run, error=None, notes=session.changed_notes()):
            session.history.begin_compensation()
            _recollect(session)
            return
        run_end.lost(session)
        return
    if not run_end.end(session, RunState.CANCELLED):
        run_end.lost(session)


def _end(
    session: Session, state: RunState, *, output: str | None = None, failure: Failure | None = None
) -> None:
    if not run_end.end(session, state, output=output, failure=failure):
        _end_otherwise(session)


def _end_otherwise(session: Session) -> None:
    """The move was refused: the run was cancelled meanwhile, or belongs to somebody else."""
    held = store.look(session.run)
    if held is not None and held[0] == RunState.CANCELLING:
        _cancelled(session)
    else:
        run_end.lost(session)


def _give_up(session: Session, why: ReplayError) -> None:
    """Nothing of the run can be replayed here."""
    if session.run.state == RunState.COMPENSATING:
        _cannot_undo(session, why)
    else:
        _block(session, why)


def _block(session: Session, why: BaseException) -> None:
    if newer_code.may_come(session, why):
        set_aside = newer_code.wait_for_it(session, why)
    else:
        set_aside = run_end.block(session.run, why)
    if not set_aside:
        _end_otherwise(session)


def _recollect(session: Session) -> None:
    """Learn from a replay which steps have completed, with their arguments; then undo them."""
    session.undoing = True
    mismatch, _ = retrace(session)
    session.only_replay = False
    if mismatch is None:
        _undo(session)
    else:
        _cannot_undo(session, mismatch)


def _undo(session: Session) -> None:
    session.undoing, session.ending = True, None
    try:
        undo(session, session.done)
    except Suspend as suspended:
        _park(session, suspended.park)
    except Drain:
        store.release_run(session.run)
    except LeaseLost:
        run_end.lost(session)
    except StepFailed as failed:
        _not_undone(session, failed)
    else:
        if not run_end.end(session, RunState.COMPENSATED):
            run_end.lost(session)


def _cannot_undo(session: Session, why: BaseException) -> None:
    if not newer_code.may_come(session, why):
        _not_undone(session, why)
    elif not newer_code.wait_for_it(session, why):
        run_end.lost(session)


def _not_undone(session: Session, why: BaseException) -> None:
    if isinstance(why, StoreFailed):
        raise why
    before, failure = RunState.COMPENSATING, describe(why)
    if not run_end.end(session, RunState.FAILED, before=before, compensation_failure=failure):
        run_end.lost(session)
