"""Wait for an event or for time: answer from what is here, or park."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from workflows.core import lines
from workflows.core.codec import loads
from workflows.core.errors import UnfitPayload, ValueNotStorable
from workflows.core.history import HistoryEntry
from workflows.core.line_fields import UNTIL
from workflows.core.payload_type import PayloadType
from workflows.core.run import InboxEvent, Park
from workflows.core.time_checks import is_due
from workflows.core.unwind import Parked
from workflows.engine.session.session import Session
from workflows.engine.verbs.updates import next_update, take_updates
from workflows.store import (
    events as events_store,
    history as history_store,
    parking as parking_store,
)


def wait_event(
    session: Session,
    position: int,
    names: tuple[str, ...],
    timeout_seconds: float | None,
    types: Mapping[str, PayloadType],
) -> HistoryEntry | None:
    """Return the outcome of the wait, event_received or wait_timed_out; or park the run. An event
    that does not fit its type is left where it is: see read_payload. None: an update has come, and
    nothing of this position is written yet."""
    while True:
        if session.history.started(position) is not None or _is_waited_again(session, position):
            take_updates(session, names)
        elif next_update(session, names) is not None:
            return None
        # Here, not from the top: where many events come at once, each would cost a replay.
        event = next((event for event in session.inbox if event.name in names), None)
        if event is not None:
            if event.name in types:
                read_payload(session, types, event.name, loads(event.payload))
            received = _consume(session, position, names, event)
            if received is None:
                continue
            return received
        started = session.history.started(position)
        if started is None or not is_due(started, session.run.now):
            _park_for_event(session, position, names, timeout_seconds, started)
            continue
        outcome = _time_out(session, position, names)
        if outcome is not None:
            return outcome


def _is_waited_again(session: Session, position: int) -> bool:
    """Whether it is a wait of a run that is retried, and updates were answered when it waited before."""
    return session.history.last_position > position


def read_payload(session: Session, types: Mapping[str, PayloadType], name: str, plain: Any) -> Any:
    """Return a payload as its type says; as it is, where nobody says. Raises UnfitPayload, which
    blocks the run: history keeps payloads as they were sent, so that mended code can read them."""
    if name not in types:
        return plain
    try:
        return types[name].read(plain)
    except ValueNotStorable as exc:
        raise session.unwind(UnfitPayload(name, str(exc))) from None


def sleep(
    session: Session, position: int, *, seconds: float | None = None, until: datetime | None = None
) -> bool:
    """Return once the time has come; park the run before. False: an update has come, as in wait_event."""
    while True:
        started = session.history.started(position)
        if started is not None:
            take_updates(session)
        elif next_update(session) is not None:
            return False
        if started is None:
            fact = lines.sleep_started(position)
            _sleep_on(session, Park(seconds=seconds, until=until, fact=fact))
        elif not is_due(started, session.run.now):
            _sleep_on(session, Park(until=UNTIL.find(started)))
        else:
            session.take_in(session.append(lines.sleep_ended(position)))
            return True


def _sleep_on(session: Session, park: Park) -> None:
    """Park the run, and unwind. Returns where an update may have come since the inbox was read."""
    if not session.handlers:
        raise session.suspend(park)
    _park_unless_news(session, replace(park, waiting_for=_and_updates(session)))


def _consume(
    session: Session, position: int, names: tuple[str, ...], event: InboxEvent
) -> HistoryEntry | None:
    """Consume and record it, unless it was withdrawn since the inbox was read: then None."""
    fact = lines.event_received(position, names, event.name, event.payload, event.sender)
    session.inbox.remove(event)
    written = session.offer(
        lambda notes: events_store.consume(session.run, event, fact, notes=notes)
    )
    if written is None:  # the end of a child that was retried
        session.look_again()
        return None
    return session.take_in(written)


def _park_for_event(
    session: Session,
    position: int,
    names: tuple[str, ...],
    timeout_seconds: float | None,
    started: HistoryEntry | None,
) -> None:
    """Park the run, and unwind. Returns where an event has come since the inbox was read."""
    woken_by = (*names, *_and_updates(session))
    if started is not None:
        park = Park(until=UNTIL.find(started), waiting_for=woken_by)
    else:
        fact = lines.wait_started(position, names)
        park = Park(seconds=timeout_seconds, waiting_for=woken_by, fact=fact)
    _park_unless_news(session, park)


def _and_updates(session: Session) -> tuple[str, ...]:
    return () if session.answering else tuple(session.handlers)


def _park_unless_news(session: Session, park: Park) -> None:
    notes = session.changed_notes()
    with session.guarded():
        if parking_store.park_run(session.run, park, if_events=session.events, notes=notes):
            raise session.unwind(Parked())
    session.look_again()


def _time_out(session: Session, position: int, names: tuple[str, ...]) -> HistoryEntry | None:
    """Record that time won, unless an event has come since the inbox was read: then None."""
    fact = lines.wait_timed_out(position, names)
    written = session.offer(
        lambda notes: history_store.append(session.run, fact, if_events=session.events, notes=notes)
    )
    if written is None:
        session.look_again()
        return None
    return session.take_in(written)
