"""Send an event to another run, and record it; or record why it was refused."""

import random
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

from workflows.core.digests import Digests, difference, digest
from workflows.core.event_lines import REFUSALS, event_refused, event_sent
from workflows.core.failure import describe
from workflows.core.history import HistoryEntry
from workflows.core.line_fields import ARGUMENTS
from workflows.core.run import Fact
from workflows.core.sealed import PayloadUnreadable
from workflows.core.unwind import Drain
from workflows.definitions.workflow import unfit_for
from workflows.engine.attempts.step_job import renamed
from workflows.engine.requests.send_event import (
    GONE_ON,
    Unfitting,
    encode_payload,
    refusal,
)
from workflows.engine.session.session import Session
from workflows.store.chains import newest_of
from workflows.store.events import Sent, Unfit
from workflows.store.fence import LOCK_WAIT_SECONDS, Notes
from workflows.store.history import Written
from workflows.store.sent_events import Letter, send_and_record

MOST_APART_SECONDS = 0.02
"""So long, at most, between two tries of a run whose own row is locked."""


def digests_of(session: Session, position: int, given: dict[str, Any]) -> Digests:
    """Return the digests of what the code gives, for the line."""
    return {name: digest(value, renamed(session, position)) for name, value in given.items()}


def compare(
    session: Session, entry: HistoryEntry, position: int, given: dict[str, Any], digests: Digests
) -> None:
    """Raise ReplayMismatch where history has another receiver, payload or key."""
    called = f"send {entry.name!r}"
    mismatch = difference(position, called, ARGUMENTS.of(entry), digests, given)
    if mismatch is not None:
        raise session.unwind(mismatch)


def send(
    session: Session, position: int, to: UUID, name: str, payload: Any, key: str, digests: Digests
) -> HistoryEntry:
    """Return the outcome: event_sent or event_refused. Only what is refused costs more than one statement."""
    try:
        with session.guarded():
            text = encode_payload(to, name, payload, told=f"event {name!r}")
            unfit = unfit_for(name, text)
            letter = Letter(to=to, name=name, payload=text, key=key, unfit=tuple(unfit))
            return _deliver(session, position, letter, digests, unfit)
    except REFUSALS as refused:
        failure = describe(refused)
        failure["traceback"] = ""  # it would show the engine only
        fact = event_refused(position, name, failure, digests)
        return session.take_in(session.append(fact))
    except PayloadUnreadable as unreadable:  # of what the receiver has already, under this key
        raise session.unwind(unreadable) from None


def _deliver(
    session: Session, position: int, letter: Letter, digests: Digests, unfit: Unfitting
) -> HistoryEntry:
    """Send to the run, or to the one that took over from it. Raises one of REFUSALS."""
    while True:
        fact = event_sent(position, letter.name, letter.to, digests)
        sent = _offer(session, letter, fact)
        if isinstance(sent, Written):
            return session.take_in(sent)
        if sent is Sent.ACCEPTED:
            return session.take_in(session.append(fact))
        newest = newest_of(letter.to) if sent in GONE_ON else letter.to
        if newest == letter.to:
            raise refusal(sent, letter.to, letter.key, f"event {letter.name!r}", unfit)
        letter = replace(letter, to=newest)


def _offer(session: Session, letter: Letter, fact: Fact) -> Written | Sent | Unfit:
    """Send, as soon as the run's own row is free as well. Raises Cancelled, LeaseLost, StoreFailed; Drain
    where the run is to pause, or the row is locked for long."""
    answers: list[Written | Sent | Unfit | None] = []

    def attempt(notes: Notes) -> Written | None:
        answers.append(send_and_record(session.run, letter, fact, notes=notes))
        return answers[-1] if isinstance(answers[-1], Written) else None

    until = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        written = session.offer(attempt)
        if written is not None:
            return written
        answer = answers[-1]
        if answer is not None:
            return answer
        session.look_again()
        if time.monotonic() > until:
            raise session.unwind(Drain())
        # By chance: two runs that send to each other at once must not meet again and again.
        time.sleep(random.uniform(0, MOST_APART_SECONDS))  # noqa: S311
