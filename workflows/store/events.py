"""Events: append to a run's inbox and wake it, load the inbox, consume."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from workflows.core.codec import is_same, loads
from workflows.core.line_fields import PAYLOAD
from workflows.core.run import ClaimedRun, Fact, InboxEvent
from workflows.core.sender import NOBODY_SAID, Sender
from workflows.core.states import DEAF_STATES, RunState
from workflows.store.database import query, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.schema import RING
from workflows.store.sealing import Opener, payload_codec, place_of_event, sealed_text
from workflows.store.statement import NOW, Statement, one_of

NOT_KNOWN = """
    NOT EXISTS (SELECT FROM workflows_event AS known
                WHERE known.chain_id = target.chain_id AND known.key = %(key)s)
"""
"""As SQL, beside a `target` with its chain_id: no run before in the chain has consumed an event of this key."""


# The row is locked before the insert: ids then follow the order of the commits, and the counter
# that a parking run compares moves in the same transaction as the event appears.
def _sending(unfit: str) -> Statement:
    return Statement(f"""
    WITH target AS (
        SELECT id, chain_id, state IN {one_of(DEAF_STATES)} AS over, {unfit} AS unfit
        FROM workflows_run AS run WHERE id = %(run)s FOR NO KEY UPDATE),
    sent AS (
        INSERT INTO workflows_event (sent_at, run_id, name, payload, key, by, tenant)
        SELECT {NOW}, id, %(name)s, %(payload)s::jsonb, %(key)s, %(by)s, %(tenant)s FROM target
        WHERE NOT over AND unfit IS NULL AND {NOT_KNOWN}
        ON CONFLICT (run_id, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING run_id, id),
    counted AS (
        UPDATE workflows_run AS run
        SET events = run.events + 1,
            wake_at = CASE WHEN run.state = '{RunState.WAITING}' AND %(name)s = ANY(run.waiting_for)
                           THEN {NOW} ELSE run.wake_at END
        FROM sent WHERE run.id = sent.run_id
        RETURNING run.state = '{RunState.WAITING}' AND %(name)s = ANY(run.waiting_for) AS woken)
    SELECT target.over, target.unfit, (SELECT id FROM sent),
           (SELECT {RING} FROM counted WHERE woken)
    FROM target
    """)


_SEND = _sending(unfit="NULL::bigint")
_SEND_UNLESS_UNFIT = _sending(
    unfit="""(SELECT number FROM unnest(%(workflows)s::text[], %(versions)s::int[]) WITH ORDINALITY
                AS unfit (workflow, version, number)
              WHERE unfit.workflow = run.workflow AND unfit.version = run.version)"""
)
# A statement of its own: while the one above waits for the run's row, the first delivery may be
# committed and the run may end, and of the inbox it sees only what was there before. What runs before
# in the chain have consumed is found by the chain: its length does not matter.
_WHAT = "SELECT name, payload::text, id FROM workflows_event"
_KNOWN = Statement(
    f"""
    {_WHAT} WHERE run_id = %(run)s AND key = %(key)s
    UNION ALL
    {_WHAT} WHERE key = %(key)s AND chain_id = (
        SELECT coalesce(chain_id, id) FROM workflows_run WHERE id = %(run)s)
    LIMIT 1
    """
)
_INBOX = Statement(
    """
    SELECT id, name, payload::text, by, tenant, sender FROM workflows_event
    WHERE run_id = %s AND position IS NULL ORDER BY id
    """
)
_CHAIN_ROOT = Statement("SELECT coalesce(chain_id, id) FROM workflows_run WHERE id = %s")
_CONSUME = Fenced(
    f"""taken AS (
        UPDATE workflows_event AS event SET position = %(position)s
        FROM fence
        WHERE event.id = %(event)s AND event.run_id = fence.id AND event.position IS NULL
        RETURNING event.run_id),
    {recorded("taken", run_id="run_id")}"""
)


@dataclass(frozen=True)
class Unfit:
    """The event was refused: it is for a run of this workflow and version."""

    workflow: str
    version: int


class Sent(enum.Enum):
    """How an event fared."""

    ACCEPTED = enum.auto()
    """Kept; or the same event was known already by its key, and nothing changed."""
    CONFLICT = enum.auto()
    """Its key was known already, of an event with another name or payload."""
    OVER = enum.auto()
    NOT_FOUND = enum.auto()


def send_event(
    run_id: UUID,
    *,
    name: str,
    payload: str,
    key: str | None,
    unfit: Sequence[tuple[str, int]] = (),
) -> Sent | Unfit:
    """Put an event into a run's inbox; see put_event."""
    return put_event(run_id, name=name, payload=payload, key=key, unfit=unfit)[0]


def put_event(
    run_id: UUID,
    *,
    name: str,
    payload: str,
    key: str | None,
    sender: Sender = NOBODY_SAID,
    unfit: Sequence[tuple[str, int]] = (),
) -> tuple[Sent | Unfit, int]:
    """Put an event into a run's inbox and wake the run if it waits for it. Returns its id too, where it
    is accepted; else 0.

    One statement in the caller's transaction, and another for an event that was not taken though
    it has a key. payload is JSON text. unfit: the workflows and versions whose runs cannot take it;
    told here, since only the row knows which the run has, and what was refused must not be
    committed.
    """
    owner = owner_of_inbox(run_id)
    params = {
        "run": run_id,
        "name": name,
        "payload": sealed_event(owner, name, payload),
        "key": key,
    }
    params |= {"by": sender.by, "tenant": sender.tenant}
    if unfit:
        workflows, versions = by_columns(unfit)
        params |= {"workflows": workflows, "versions": versions}
    row = query_one(_SEND_UNLESS_UNFIT if unfit else _SEND, params)
    if row is None:
        return Sent.NOT_FOUND, 0
    is_over, number, event, _ = row
    if event is not None:
        return Sent.ACCEPTED, event
    if key is not None and (known := find_known(run_id, owner, name, payload, key)):
        return known
    if number is not None and not is_over:
        return Unfit(*unfit[number - 1]), 0
    # Or the run has continued as another since, and has taken along the event of that key.
    return Sent.OVER, 0


def owner_of_inbox(run_id: UUID) -> UUID:
    """Return what the events of a run are bound to: the first run of its chain. Asks only where something
    encrypts."""
    row = None if payload_codec() is None else query_one(_CHAIN_ROOT, [run_id])
    return run_id if row is None else UUID(str(row[0]))


def sealed_event(owner: UUID, name: str, payload: str) -> str:
    """Return the payload of an event about to be sent, as JSON text."""
    return sealed_text(owner, PAYLOAD.name, payload, place_of_event(name)) or payload


def find_known(
    run_id: UUID, owner: UUID, name: str, payload: str, key: str
) -> tuple[Sent, int] | None:
    """Say how the run, or one before it in its chain, had taken an event of this key, and which it is;
    None: none has. owner: what its events are bound to. Raises PayloadUnreadable."""
    known = query_one(_KNOWN, {"run": run_id, "key": key})
    if known is None:
        return None
    known_name, text, event = known
    # Compared here, it is in no statement in the clear.
    is_known = known_name == name and is_same(_opened(owner, name, text), loads(payload))
    return (Sent.ACCEPTED, event) if is_known else (Sent.CONFLICT, 0)


def _opened(owner: UUID, name: str, text: str) -> Any:
    return loads(Opener(owner, raises=True).event(name, text))


def by_columns(unfit: Sequence[tuple[str, int]]) -> list[list[Any]]:
    """Return workflows and versions as two columns."""
    return [[workflow for workflow, _ in unfit], [version for _, version in unfit]]


def load_inbox(run_id: UUID, opener: Opener | None = None) -> list[InboxEvent]:
    """Return what the run has not consumed, in the order of arrival. opener: as in load_history."""
    return [
        InboxEvent(
            id=event, name=name, payload=_payload(opener, name, text), sender=Sender(*sender)
        )
        for event, name, text, *sender in query(_INBOX, [run_id])
    ]


def _payload(opener: Opener | None, name: str, text: str) -> str:
    return text if opener is None else opener.event(name, text)


def consume(
    run: ClaimedRun, event: InboxEvent, fact: Fact, *, notes: Notes = UNCHANGED
) -> Written | None:
    """Consume an event and record it, in one statement. None: the lease is lost."""
    params = fact_params(run, fact) | {"event": event.id}
    return written(_CONSUME.send(run, params, notes=notes), run, fact)
