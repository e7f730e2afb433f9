"""Drive a run: replay what it has done, do what is new, park it or end it."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from workflows import signals
from workflows.conf import conf
from workflows.core.decide import check_end
from workflows.core.errors import (
    Cancelled,
    DefinitionError,
    Drain,
    LeaseLost,
    ReplayError,
    ReplayMismatch,
    StoreFailed,
    Suspend,
    UnknownWorkflow,
    ValueNotStorable,
)
from workflows.core.failure import Failure, describe
from workflows.core.run import ClaimedRun, Park
from workflows.core.states import RunState
from workflows.engine.context import Context
from workflows.engine.session import Session
from workflows.registry import WorkflowDefinition, find_workflow
from workflows.store import runs as store
from workflows.store.steps import to_json
from workflows.store.waits import park_run


def drive(run: ClaimedRun, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Take a claimed run as far as it goes now.

    stopping is asked before each new operation; once it says yes, the run goes back to the queue.
    Never raises for what the workflow does. Raises StoreFailed when the database does not answer:
    what was committed stands, and the run is recovered. A statement that the database understood
    and refused would be refused again: the run is blocked.
    """
    definition = find_workflow(run.workflow, run.version)
    if definition is None:
        missing = f"no code here for {run.workflow!r} version {run.version}; deploy it, then retry"
        _block(run, UnknownWorkflow(missing))
        return
    session = Session(run, definition, stopping)
    try:
        _load_and_replay(session)
    except StoreFailed as failed:
        if not isinstance(failed.cause, DataError | IntegrityError):
            raise
        _block(run, failed.cause)


def _load_and_replay(session: Session) -> None:
    try:
        session.load()
        while not _replay(session):
            session.rewind()
    except (DatabaseError, InterfaceError) as exc:
        raise StoreFailed(exc) from exc


def _replay(session: Session) -> bool:
    """Run the workflow code once from its top. False: an event came as it parked; look again."""
    try:
        result = _call(session, session.definition)
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


def _call(session: Session, definition: WorkflowDefinition) -> Any:
    try:
        given = definition.signature.decode_input(session.run.input)
    except (TypeError, ValueNotStorable) as exc:
        raise session.end(
            ReplayError(
                f"its input no longer fits {definition.name!r} version {definition.version} ({exc}); "
                "put the old parameters back, or give the changed workflow a new version"
            )
        ) from None
    return definition.function(Context(session), **given)


def _unwound(session: Session, why: BaseException) -> bool:
    match why:
        case Suspend():
            return _park(session, why.park)
        case Cancelled():
            _end(session.run, RunState.CANCELLED)
        case Drain():
            if not store.release_run(session.run):
                _end_otherwise(session.run)
        case LeaseLost():
            _lost(session.run)
        case StoreFailed():
            raise why
        case ReplayError() | DefinitionError():
            _block(session.run, why)
        case Exception():
            _fail_or_block(session, why)
        case _:
            raise why  # KeyboardInterrupt and SystemExit belong to the process
    return True


def _park(session: Session, park: Park) -> bool:
    # Only a wait for events must not miss one; a retry or a sleep parks whatever the inbox holds.
    seen = session.events if park.waiting_for else None
    if park_run(session.run, park, if_events=seen):
        return True
    held = store.look(session.run)
    if held is None:
        _lost(session.run)
        return True
    state, events = held
    if state == RunState.CANCELLING:
        _end(session.run, RunState.CANCELLED)
        return True
    session.reload_inbox(events)
    return False


def _complete(session: Session, result: Any) -> None:
    codec = session.definition.signature.result
    try:
        output = codec.encode(result, max_bytes=conf().max_payload_bytes)
    except (ValueNotStorable, DefinitionError) as exc:
        _fail(session.run, exc)
        return
    _end(session.run, RunState.COMPLETED, output=output)


def _fail_or_block(session: Session, exc: Exception) -> None:
    """An error in the middle of a replay is changed code, not an outcome."""
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        _block(session.run, ReplayMismatch(mismatch.position, f"{exc!r}", mismatch.recorded))
        return
    _fail(session.run, exc)


def _fail(run: ClaimedRun, exc: Exception) -> None:
    _end(run, RunState.FAILED, failure=describe(exc))


def _end(
    run: ClaimedRun, state: RunState, *, output: str | None = None, failure: Failure | None = None
) -> None:
    error = None if failure is None else to_json(failure)
    if not store.end_run(run, state, output=output, error=error):
        _end_otherwise(run)
        return
    signals.run_finished.send_robust(
        sender=Session, run_id=run.id, workflow=run.workflow, state=state, error=failure
    )


def _end_otherwise(run: ClaimedRun) -> None:
    """The move was refused: the run was cancelled meanwhile, or belongs to somebody else."""
    held = store.look(run)
    if held is not None and held[0] == RunState.CANCELLING:
        _end(run, RunState.CANCELLED)
    else:
        _lost(run)


def _block(run: ClaimedRun, exc: Exception) -> None:
    failure = describe(exc)
    if not store.block_run(run, error=to_json(failure)):
        _end_otherwise(run)
        return
    signals.run_blocked.send_robust(
        sender=Session, run_id=run.id, workflow=run.workflow, error=failure
    )


def _lost(run: ClaimedRun) -> None:
    signals.lease_lost.send_robust(
        sender=Session, run_id=run.id, workflow=run.workflow, attempt=run.attempt
    )
