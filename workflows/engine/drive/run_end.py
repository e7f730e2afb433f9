"""How a drive writes the end of a run, and tells the listeners."""

from collections.abc import Sequence

from workflows import signals
from workflows.core.codec import loads
from workflows.core.error_kind import ErrorKind
from workflows.core.failure import Failure, as_json, describe
from workflows.core.kept_children import KeptChild
from workflows.core.run import ClaimedRun
from workflows.core.run_ids import id_of_successor
from workflows.core.signature import Input
from workflows.core.states import RunState
from workflows.definitions.workflow import newest_definition
from workflows.engine import announcements
from workflows.engine.requests.new_run import new_run
from workflows.engine.session.session import Session
from workflows.store import continue_as_new as store_continue
from workflows.store import runs as store


def end(
    session: Session,
    state: RunState,
    *,
    output: str | None = None,
    failure: Failure | None = None,
    compensation_failure: Failure | None = None,
    undone: str | None = None,
) -> bool:
    """End the run and announce it. False: another end has won, or the lease is lost.

    undone: the JSON text of the failure whose steps are undone, which the run's row has already.
    """
    ended = store.end_run(
        session.run,
        state,
        before=session.held,
        output=output,
        error=None if failure is None else as_json(failure),
        compensation_error=None if compensation_failure is None else as_json(compensation_failure),
        notes=session.changed_notes(),
    )
    if ended:
        told = compensation_failure or failure or (loads(undone) if undone else None)
        announcements.run_finished(session.run.id, session.run.workflow, state, error=told)
    return ended


def block(run: ClaimedRun, exc: BaseException) -> bool:
    """Set the run aside with the reason. False: it is being cancelled, or the lease is lost."""
    failure = describe(exc, ErrorKind.SYSTEM)
    blocked = store.block_run(run, error=as_json(failure))
    if blocked:
        announcements.run_blocked(run.id, run.workflow, error=failure)
    return blocked


def cancel_without_code(run: ClaimedRun) -> None:
    """End a run that is being cancelled and has no code here to undo it with."""
    if store.end_run(run, RunState.CANCELLED, before=RunState.CANCELLING):
        announcements.run_finished(run.id, run.workflow, RunState.CANCELLED)


def tell_the_loss(session: Session) -> None:
    """Announce that the run belongs to somebody else by now. Nothing is written."""
    run = session.run
    signals.lease_lost.send_robust(
        sender=Session, run_id=run.id, workflow=run.workflow, attempt=run.attempt
    )


def continue_as_new(session: Session, input: Input, keeps: Sequence[KeptChild]) -> bool:
    """End the run and start its successor, in one statement, with the children that it keeps. False:
    another end has won."""
    run = session.run
    definition = newest_definition(run.workflow)
    # As in a drive that was killed before it: what the successor derives from its id stays the same.
    successor = new_run(definition, input, id=id_of_successor(run.id), deadline_seconds=None)
    while not store_continue.continue_run(
        run, successor, events=session.events, notes=session.changed_notes(), keeps=keeps
    ):
        held = store.look(run)
        if held is None or held[0] not in (RunState.RUNNING, RunState.PAUSED):
            return False
        session.events = held[1]  # an event has come meanwhile: it goes along
    announcements.run_finished(run.id, run.workflow, RunState.COMPLETED)
    announcements.run_started(successor.id, run.workflow, successor.version, continues=run.id)
    return True
