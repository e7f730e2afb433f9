"""Events: append to a run's inbox and wake it, load the inbox, consume."""

import enum
from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact, InboxEvent
from workflows.core.states import DEAF_STATES, RunState
from workflows.store.database import CHANNEL, query, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.statement import NOW, Statement

# The row is locked before the insert: ids then follow the order of the commits, and the counter
# that a parking run compares moves in the same transaction as the event appears.
_SEND = Statement(
    f"""
    WITH target AS (
        SELECT id, state = ANY(%s) AS over FROM workflows_run WHERE id = %s FOR NO KEY UPDATE),
    sent AS (
        INSERT INTO workflows_event (sent_at, run_id, name, payload, key)
        SELECT {NOW}, id, %s, %s::jsonb, %s FROM target WHERE NOT over
        ON CONFLICT (run_id, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING run_id),
    counted AS (
        UPDATE workflows_run AS run
        SET events = run.events + 1,
            wake_at = CASE WHEN run.state = '{RunState.WAITING}' AND %s = ANY(run.waiting_for)
                           THEN {NOW} ELSE run.wake_at END
        FROM sent WHERE run.id = sent.run_id
        RETURNING run.state = '{RunState.WAITING}' AND %s = ANY(run.waiting_for) AS woken)
    SELECT target.over,
           (SELECT pg_notify('{CHANNEL}', '') FROM counted WHERE woken)
    FROM target
    """
)
# A statement of its own: while the one above waits for the run's row, the first delivery may be
# committed and the run may end, and of the inbox it sees only what was there before.
_KNOWN = Statement("SELECT FROM workflows_event WHERE run_id = %s AND key = %s")
_INBOX = Statement(
    """
    SELECT id, name, payload::text FROM workflows_event
    WHERE run_id = %s AND position IS NULL ORDER BY id
    """
)
_CONSUME = Fenced(
    f"""taken AS (
        UPDATE workflows_event AS event SET position = %(position)s
        FROM fence
        WHERE event.id = %(event)s AND event.run_id = fence.id AND event.position IS NULL
        RETURNING event.run_id),
    {recorded("taken", run_id="run_id")}"""
)


class Sent(enum.Enum):
    """How an event fared."""

    ACCEPTED = enum.auto()
    """Kept; or its key was known already and nothing changed."""
    OVER = enum.auto()
    NOT_FOUND = enum.auto()


def send_event(run_id: UUID, *, name: str, payload: str, key: str | None) -> Sent:
    """Put an event into a run's inbox and wake the run if it waits for it.

    One statement in the caller's transaction, and another for a run that is over. payload is JSON
    text.
    """
    over = [state.value for state in DEAF_STATES]
    row = query_one(_SEND, [over, run_id, name, payload, key, name, name])
    if row is None:
        return Sent.NOT_FOUND
    is_over, _ = row
    if is_over and (key is None or query_one(_KNOWN, [run_id, key]) is None):
        return Sent.OVER
    return Sent.ACCEPTED


def load_inbox(run_id: UUID) -> list[InboxEvent]:
    """Return what the run has not consumed, in the order of arrival."""
    return [InboxEvent(id=i, name=n, payload=p) for i, n, p in query(_INBOX, [run_id])]


def consume(
    run: ClaimedRun, event: InboxEvent, *, position: int, data: str, notes: Notes = UNCHANGED
) -> Written | None:
    """Consume an event and record it, in one statement. None: the lease is lost."""
    fact = Fact(kind=HistoryKind.EVENT_RECEIVED, position=position, name=event.name, data=data)
    statement, params = _CONSUME.bind(run, fact_params(fact) | {"event": event.id}, notes=notes)
    return written(query_one(statement, params), fact)
