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
    Control,
    DefinitionError,
    Drain,
    LeaseLost,
    ReplayError,
    ReplayMismatch,
    StepFailed,
    StoreFailed,
    Suspend,
    UnknownWorkflow,
    ValueNotStorable,
)
from workflows.core.failure import describe
from workflows.core.run import ClaimedRun, Park
from workflows.core.states import RunState
from workflows.engine import endings
from workflows.engine.context import Context
from workflows.engine.control import cancel
from workflows.engine.session import Session
from workflows.engine.undo import undo
from workflows.registry import find_workflow
from workflows.store import runs as store
from workflows.store.steps import to_json
from workflows.store.waits import park_run


def drive(run: ClaimedRun, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Take a claimed run as far as it goes now. True: this process should end afterwards, because
    a step outlived its time limit in a thread.

    stopping is asked before each new operation; once it says yes, the run goes back to the queue.
    Never raises for what the workflow does. Raises StoreFailed when the database does not answer:
    what was committed stands, and the run is recovered. A statement that the database understood
    and refused would be refused again: the run is blocked.
    """
    definition = find_workflow(run.workflow, run.version)
    if definition is None:
        missing = f"no code here for {run.workflow!r} version {run.version}; deploy it, then retry"
        endings.block(run, UnknownWorkflow(missing))
        return False
    session = Session(run, definition, stopping)
    try:
        _load_and_replay(session)
    except StoreFailed as failed:
        if not isinstance(failed.cause, DataError | IntegrityError):
            raise
        if session.undoing:
            _not_undone(session, failed.cause)
        else:
            endings.block(run, failed.cause)
    return session.worn_out


def _load_and_replay(session: Session) -> None:
    try:
        session.load()
        if session.run.state == RunState.COMPENSATING:
            _recollect(session)
        else:
            while not _replay(session):
                session.rewind()
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def call_workflow(session: Session) -> Any:
    """Run the workflow code once from its top, and wait for its children at the end."""
    given = session.definition.signature.decode_input(session.run.input)
    context = Context(session)
    try:
        result = session.definition.function(context, **given)
    except DefinitionError:
        raise
    except Exception:
        if session.ending is None:
            if not session.only_replay and session.position >= session.history.last_position:
                _end_children(session)
            context.join()
        raise
    if session.ending is None:
        context.join()
    return result


def _end_children(session: Session) -> None:
    """The parent fails: so do its children."""
    for child in session.children:
        if child not in session.ends:
            with session.guarded():
                cancel(child, reason="the parent failed", by="workflows")


def _replay(session: Session) -> bool:
    """Run the workflow code once. False: an event came as it parked; look again."""
    try:
        result = call_workflow(session)
    except BaseException as exc:
        return _unwound(session, session.ending or exc)
    if session.ending is not None:  # the code swallowed it and returned
        return _unwound(session, session.ending)
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        return _unwound(session, mismatch)
    _complete(session, result)
    return True


def _unwound(session: Session, why: BaseException) -> bool:
    match why:
        case Suspend():
            return _park(session, why.park)
        case Cancelled():
            _cancelled(session)
        case Drain():
            store.release_run(session.run)
        case LeaseLost():
            endings.lost(session)
        case ContinueAsNew():
            if not endings.continue_as_new(session, why.input_text):
                _end_otherwise(session)
        case Abandoned():
            pass  # nothing is written: the process ends, and the run is recovered
        case StoreFailed():
            raise why
        case ReplayError() | DefinitionError():
            endings.block(session.run, why)
        case Exception():
            _fail_or_block(session, why)
        case _:
            raise why  # KeyboardInterrupt and SystemExit belong to the process
    return True


def _park(session: Session, park: Park) -> bool:
    # Only a wait for events must not miss one; a retry or a sleep parks whatever the inbox holds.
    seen = session.events if park.waiting_for else None
    notes = session.notes()
    if park_run(session.run, park, if_events=seen, notes=notes):
        return True
    held = store.look(session.run)
    if held is None:
        endings.lost(session)
        return True
    state, events = held
    if state == RunState.CANCELLING:
        _cancelled(session)
        return True
    session.reload_inbox(events)
    return False


def _complete(session: Session, result: Any) -> None:
    codec = session.definition.signature.result
    try:
        session.check_notes()
        output = codec.encode(result, max_bytes=conf().max_payload_bytes)
    except (ValueNotStorable, DefinitionError) as exc:
        _fail(session, exc)
        return
    _end(session, RunState.COMPLETED, output=output)


def _fail_or_block(session: Session, exc: Exception) -> None:
    """An error in the middle of a replay is changed code, not an outcome."""
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        asked = ReplayMismatch(mismatch.position, f"{exc!r}", mismatch.recorded)
        endings.block(session.run, asked)
        return
    _fail(session, exc)


def _fail(session: Session, exc: Exception) -> None:
    error = to_json(describe(exc))
    _end_children(session)  # those that a deadline or an output left no time to wait for
    if session.definition.on_failure == "compensate" and session.done:
        if store.begin_compensation(session.run, error=error, notes=session.notes()):
            session.history.begin_compensation()
            _undo(session)
            return
        _end_otherwise(session)
        return
    _end(session, RunState.FAILED, error=error)


def _cancelled(session: Session) -> None:
    if session.definition.on_cancel == "compensate":
        if store.begin_compensation(session.run, error=None, notes=session.notes()):
            session.history.begin_compensation()
            _recollect(session)
            return
        endings.lost(session)
        return
    if not endings.end(session, RunState.CANCELLED):
        endings.lost(session)


def _end(
    session: Session, state: RunState, *, output: str | None = None, error: str | None = None
) -> None:
    if not endings.end(session, state, output=output, error=error):
        _end_otherwise(session)


def _end_otherwise(session: Session) -> None:
    """The end was refused: the run was cancelled meanwhile, or belongs to somebody else."""
    held = store.look(session.run)
    if held is not None and held[0] == RunState.CANCELLING:
        _cancelled(session)
    else:
        endings.lost(session)


def retrace(session: Session) -> tuple[BaseException | None, Exception | None]:
    """Replay what is recorded and do nothing new. Returns what forbids to believe the replay
    (history and code disagree, or the database failed), and what the code raised at its end."""
    session.rewind()
    session.only_replay = True
    raised: Exception | None = None
    try:
        call_workflow(session)
    except (Control, Exception) as exc:
        if isinstance(exc, Exception):
            raised = exc
    if isinstance(session.ending, ReplayError | StoreFailed):
        return session.ending, raised
    if isinstance(session.ending, Control):
        return None, None
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        asked = "the end" if raised is None else f"{raised!r}"
        return ReplayMismatch(mismatch.position, asked, mismatch.recorded), raised
    return None, raised


def _recollect(session: Session) -> None:
    """Learn from a replay which steps have completed, with their arguments; then undo them."""
    session.undoing = True
    mismatch, _ = retrace(session)
    session.only_replay = False
    if mismatch is not None:
        _not_undone(session, mismatch)
    else:
        _undo(session)


def _undo(session: Session) -> None:
    session.undoing, session.ending = True, None
    try:
        undo(session, session.done)
    except Suspend as suspended:
        if not _park(session, suspended.park):
            endings.lost(session)
    except Drain:
        store.release_run(session.run)
    except LeaseLost:
        endings.lost(session)
    except StepFailed as failed:
        _not_undone(session, failed)
    else:
        if not endings.end(session, RunState.COMPENSATED):
            endings.lost(session)


def _not_undone(session: Session, why: BaseException) -> None:
    if isinstance(why, StoreFailed):
        raise why
    error = to_json(describe(why))
    before = RunState.COMPENSATING
    if not endings.end(session, RunState.FAILED, before=before, compensation_error=error):
        endings.lost(session)
