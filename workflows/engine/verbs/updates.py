"""Updates are answered by the workflow's code: before each of its operations, and while it waits.

One that is taken has a position of its own, and its handler's operations have the next ones. Where a
replay meets it again, the order of the lines tells: those before the outcome of a wait came during the
wait.
"""

from collections.abc import Collection

from workflows.conf import conf
from workflows.core.codec import loads
from workflows.core.decide import check_end
from workflows.core.errors import DefinitionError, ReplayMismatch, ValueNotStorable
from workflows.core.failure import as_json, describe, storable
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.kept import refuse_loss
from workflows.core.line_fields import EVENT, PAYLOAD
from workflows.core.programming_errors import waits_for_mending
from workflows.core.run import Fact, InboxEvent
from workflows.core.unwind import EndOfHistory
from workflows.core.update_handler import UpdateHandler
from workflows.core.update_lines import UPDATE_EVENT, update_answered, update_received
from workflows.definitions.workflow_guard import guarding
from workflows.engine.session.session import Session
from workflows.store import events as events_store, updates as store


def take_updates(
    session: Session, names: Collection[str] = (), *, before: HistoryEntry | None = None
) -> None:
    """Answer the updates whose turn it is, one after the other. names: of the events that the code waits
    for; what came behind one of them comes later. before: in a replay, those recorded before this line
    only."""
    if session.answering or not session.handlers:
        return
    while (taken := _recorded(session, before)) or (before is None and _take_new(session, names)):
        if taken:
            _answer(session, taken)


def next_update(session: Session, names: Collection[str] = ()) -> InboxEvent | None:
    """Return the update that is to be answered next; None: there is none, or an event of one of these
    names came first."""
    if session.answering or not session.handlers:
        return None
    come = (each for each in session.inbox if each.name in names or each.name in session.handlers)
    first = next(come, None)
    return None if first is None or first.name in names else first


def _recorded(session: Session, before: HistoryEntry | None) -> HistoryEntry | None:
    """Return the line of an update that history has here."""
    line = session.history.started(session.position + 1)
    if line is None or line.kind != HistoryKind.UPDATE_RECEIVED:
        return None
    if before is not None and line.id > before.id:
        return None
    return line if UPDATE_EVENT + line.name in session.handlers else None


def _take_new(session: Session, names: Collection[str]) -> bool:
    """Record that an update is taken, or refuse it. False: there is none whose turn it is."""
    if session.only_replay or session.history.last_position > session.position:
        return False
    if session.heard > session.events:
        session.look_again()
    event = next_update(session, names)
    if event is None or session.stopping():
        return False
    session.check_notes()
    session.before_new()
    handler = session.handlers[event.name]
    refusal = _refusal(session, handler, event)
    session.inbox.remove(event)
    if refusal is not None:
        _refuse(session, event, refusal)
        return True
    name = event.name.removeprefix(UPDATE_EVENT)
    fact = update_received(session.position + 1, name, event.payload, event.id)
    session.record(lambda notes: events_store.consume(session.run, event, fact, notes=notes))
    return True


def _refusal(session: Session, handler: UpdateHandler, event: InboxEvent) -> str | None:
    """Return why an update is refused; None: it is not."""
    try:
        payload = handler.read(loads(event.payload))
        if handler.validate is not None:
            _validate(session, handler.validate, payload)
    except ValueNotStorable as exc:
        return storable(str(exc), 2_000)
    except Exception as exc:
        if session.unwinding is not None:
            raise session.unwinding from None
        return storable(str(exc) or type(exc).__name__, 2_000)
    return None


def _validate(session: Session, validate: object, payload: object) -> None:
    assert callable(validate)  # noqa: S101 - update_handler has looked
    # Whatever operation it asks for raises this.
    session.unwinding = DefinitionError(
        "the validator of an update only looks at its payload and at what the code knows: let the "
        "handler do what is durable"
    )
    mistake = session.unwinding
    try:
        with guarding(session.remember):
            validate(payload)
    except Exception as exc:
        if exc is not mistake:
            session.unwinding = None
        raise
    session.unwinding = None


def _refuse(session: Session, event: InboxEvent, why: str) -> None:
    with session.guarded():
        if not store.refuse(session.run, event.id, why):
            session.look_again()


def _answer(session: Session, taken: HistoryEntry) -> None:
    """Call the handler, live or in a replay, and record what came of it."""
    position = session.next_position()
    session.now = taken.at
    handler = session.handlers[UPDATE_EVENT + taken.name]
    answer = _called(session, handler, taken, position)
    answered = session.history.outcome(position)
    if answered is not None:
        session.now = answered.at
        return
    if session.only_replay:
        raise session.unwind(EndOfHistory())
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        raise session.unwind(mismatch) from None
    event = EVENT.of(taken)
    session.record(lambda notes: store.answer(session.run, event, answer, notes=notes))


def _called(session: Session, handler: UpdateHandler, taken: HistoryEntry, position: int) -> Fact:
    session.answering = True
    try:
        payload = handler.read(PAYLOAD.of(taken))
        with guarding(session.remember):  # the verb in which this happens has lifted it
            output = handler.function(payload)
        session.check_notes()
        output = session.keys.settled(output, f"the answer to {taken.name!r}")
        text = handler.result.encode(output, max_bytes=conf().max_payload_bytes)
        refuse_loss(output, handler.result.decode(text))
    except Exception as exc:
        if session.unwinding is not None:
            raise session.unwinding from None
        if waits_for_mending(exc, session.definition.fails_on):
            raise session.unwind(exc) from None
        return update_answered(position, taken.name, error=as_json(describe(exc)))
    finally:
        session.answering = False
    if session.unwinding is not None:
        raise session.unwinding
    return update_answered(position, taken.name, output=text)
