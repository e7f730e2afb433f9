"""Wait for an event or for time: answer from what is here, or park."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflows.core.codec import loads
from workflows.core.errors import Cancelled, LeaseLost, Parked, UnfitPayload, ValueNotStorable
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.payload_type import PayloadType
from workflows.core.run import Fact, InboxEvent, Park
from workflows.core.states import RunState
from workflows.core.time_checks import deadline, is_due
from workflows.engine.session.session import Session
from workflows.store import events as events_store
from workflows.store import history as history_store
from workflows.store import parking as parking_store
from workflows.store import runs as runs_store
from workflows.store.history import to_json


def wait_event(
    session: Session,
    position: int,
    names: tuple[str, ...],
    timeout_seconds: float | None,
    types: Mapping[str, PayloadType],
) -> HistoryEntry:
    """Return the outcome of the wait, event_received or wait_timed_out; or park the run. An event
    that does not fit its type is left where it is: see read_payload."""
    while True:
        # Here, not from the top: where many events come at once, each would cost a replay.
        event = next((event for event in session.inbox if event.name in names), None)
        if event is not None:
            if event.name in types:
                read_payload(session, types, event.name, loads(event.payload))
            return _consume(session, position, names, event)
        started = session.history.started(position)
        if started is None or not is_due(started, session.run.now):
            _park_for_event(session, position, names, timeout_seconds, started)
            continue
        outcome = _time_out(session, position, names)
        if outcome is not None:
            return outcome


def read_payload(session: Session, types: Mapping[str, PayloadType], name: str, plain: Any) -> Any:
    """Return a payload as its type says; as it is, where nobody says. Raises UnfitPayload, which
    blocks the run: history keeps payloads as they were sent, so that mended code can read them."""
    if name not in types:
        return plain
    try:
        return types[name].read(plain)
    except ValueNotStorable as exc:
        raise session.end(UnfitPayload(name, str(exc))) from None


def sleep(
    session: Session, position: int, *, seconds: float | None = None, until: datetime | None = None
) -> None:
    """Return once the time has come; park the run before."""
    started = session.history.started(position)
    if started is None:
        fact = Fact(kind=HistoryKind.SLEEP_STARTED, position=position, part=1)
        raise session.suspend(Park(seconds=seconds, until=until, fact=fact))
    if not is_due(started, session.run.now):
        raise session.suspend(Park(until=deadline(started)))
    with session.guarded():
        written = history_store.append(
            session.run, Fact(kind=HistoryKind.SLEEP_ENDED, position=position)
        )
    session.take_in(written)


def _consume(
    session: Session, position: int, names: tuple[str, ...], event: InboxEvent
) -> HistoryEntry:
    data = f'{{"names": {to_json(sorted(names))}, "payload": {event.payload}}}'
    with session.guarded():
        notes = session.notes()
        written = events_store.consume(
            session.run, event, position=position, data=data, notes=notes
        )
    session.inbox.remove(event)
    taken = session.take_in(written).entry
    session.kept(notes)
    return taken


def _park_for_event(
    session: Session,
    position: int,
    names: tuple[str, ...],
    timeout_seconds: float | None,
    started: HistoryEntry | None,
) -> None:
    """Park the run, and unwind. Returns where an event has come since the inbox was read."""
    if started is not None:
        park = Park(until=deadline(started), waiting_for=names)
    else:
        data = to_json({"names": sorted(names)})
        fact = Fact(kind=HistoryKind.WAIT_STARTED, position=position, part=1, data=data)
        park = Park(seconds=timeout_seconds, waiting_for=names, fact=fact)
    with session.guarded():
        if parking_store.park_run(
            session.run, park, if_events=session.events, notes=session.notes()
        ):
            raise session.end(Parked())
        held = runs_store.look(session.run)
        if held is None:
            raise session.end(LeaseLost())
        if held[0] == RunState.CANCELLING:
            raise session.end(Cancelled())
        session.reload_inbox(held[1])


def _time_out(session: Session, position: int, names: tuple[str, ...]) -> HistoryEntry | None:
    """Record that time won, unless an event has come since the inbox was read: then None."""
    fact = Fact(
        kind=HistoryKind.WAIT_TIMED_OUT,
        position=position,
        data=to_json({"names": sorted(names)}),
    )
    with session.guarded():
        written = history_store.append(session.run, fact, if_events=session.events)
        if written is None and (held := runs_store.look(session.run)) is not None:
            session.reload_inbox(held[1])
            return None
    return session.take_in(written).entry
