"""The code of a workflow: call it from its top, or retrace what it has done."""

from typing import Any

from workflows.core.decide import check_end
from workflows.core.errors import ReplayError, ReplayMismatch, ValueNotStorable
from workflows.core.programming_errors import waits_for_mending
from workflows.core.signature import Input
from workflows.core.unwind import StoreFailed, Unwind
from workflows.definitions.workflow_guard import guarding
from workflows.engine.requests.steering import end_child
from workflows.engine.session.own_context import call_apart
from workflows.engine.session.session import Session
from workflows.engine.session.watched_connections import WatchedConnections
from workflows.engine.verbs.context import Context

Retraced = tuple[BaseException | None, BaseException | None]


def call_workflow(session: Session) -> Any:
    """Run the workflow code once from its top, and wait for its children at the end."""
    session.refuse_unreadable()
    with session.code_thread.here():
        return _call(session, input_of(session), (session.context_class or Context)(session))


def _call(session: Session, given: dict[str, Any], context: Context) -> Any:
    session.connections = WatchedConnections()
    try:
        with guarding(session.remember):
            result = call_apart(session.definition.function, context, **given)
    except (Unwind, KeyboardInterrupt):
        raise
    except BaseException as exc:  # SystemExit too: a workflow must not end its worker
        ends_run = not waits_for_mending(exc, session.definition.fails_on)
        if ends_run and session.unwinding is None:
            if not session.only_replay and session.position >= session.history.last_position:
                end_children(session)
            context.join()
        raise
    if session.unwinding is None:
        context.join()
    session.returned = [session.keys.settled(result, "the result")]
    return session.returned[0]


def input_of(session: Session) -> dict[str, Any]:
    """Return the arguments of the code. Raises ReplayError where it takes them no longer."""
    definition = session.definition
    try:
        return definition.signature.decode_input(Input(session.run.input, session.run.defaults))
    except (TypeError, ValueNotStorable) as exc:
        unfit = ReplayError(
            f"its input no longer fits {definition.name!r} version {definition.version} ({exc}); "
            "put the old parameters back, or give the changed workflow a new version"
        )
        raise session.unwind(unfit) from None


def end_children(session: Session) -> None:
    """The parent fails: so do its children."""
    for child in session.children:
        if child not in session.child_ends:
            with session.guarded():
                end_child(child)


def retrace(session: Session) -> Retraced:
    """Replay what is recorded and do nothing new. Returns what forbids to believe the replay
    (history and code disagree, or the database failed), and what the code raised at its end."""
    session.rewind()
    session.only_replay = True
    raised: BaseException | None = None
    try:
        call_workflow(session)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        if not isinstance(exc, Unwind):
            raised = exc
    if isinstance(session.unwinding, ReplayError | StoreFailed):
        return session.unwinding, raised
    if isinstance(session.unwinding, Unwind):
        return None, None
    raised = session.unwinding or raised  # a mistake that the code swallowed
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        asked = "the end" if raised is None else f"{raised!r}"
        return ReplayMismatch(mismatch.position, asked, mismatch.recorded), raised
    return None, raised
