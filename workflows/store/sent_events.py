"""Events that runs send: the event and the sender's line, in one statement.

Two rows are locked, the receiver's and the sender's. The statement waits for the receiver's while it holds
nothing, and never for its own: so it is in no circle of waits, in whichever order others lock the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import DEAF_STATES, RunState
from workflows.store.database import query_one
from workflows.store.events import (
    NOT_KNOWN,
    Sent,
    Unfit,
    by_columns,
    find_known,
    owner_of_inbox,
    sealed_event,
)
from workflows.store.fence import HEARD, UNCHANGED, WAITS_BRIEFLY, Notes, holder, still_held
from workflows.store.history import Written, fact_params, written
from workflows.store.insert import operation_line
from workflows.store.schema import RING
from workflows.store.statement import NOW, Statement, one_of

_WOKEN = f"""
    run.id = sent.run_id AND run.state = '{RunState.WAITING}' AND %(name)s = ANY(run.waiting_for)
"""
# To count the target is to lock it, and holds always: before that, no row of the fence is looked at. Who
# sends to itself has one row, which is updated once. Only a running run sends.
_SEND = Statement(f"""
    WITH target AS (
        SELECT id, chain_id, state IN {one_of(DEAF_STATES)} AS over,
               (SELECT number
                FROM unnest(%(workflows)s::text[], %(versions)s::int[]) WITH ORDINALITY
                    AS unfit (workflow, version, number)
                WHERE unfit.workflow = run.workflow AND unfit.version = run.version) AS unfit
        FROM workflows_run AS run WHERE id = %(to)s AND {WAITS_BRIEFLY} FOR NO KEY UPDATE),
    fence AS (
        SELECT id, {HEARD}, events FROM workflows_run
        WHERE {still_held()} AND (SELECT count(*) FROM target) >= 0
        FOR NO KEY UPDATE SKIP LOCKED),
    sent AS (
        INSERT INTO workflows_event (sent_at, run_id, name, payload, key, tenant, sender)
        SELECT {NOW}, target.id, %(name)s, %(payload)s::jsonb, %(key)s, %(tenant)s, fence.id
        FROM target, fence
        WHERE NOT target.over AND target.unfit IS NULL AND fence.state = '{RunState.RUNNING}' AND {NOT_KNOWN}
        ON CONFLICT (run_id, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING run_id),
    changed AS (
        UPDATE workflows_run AS run
        SET events = run.events + CASE WHEN run.id = sent.run_id THEN 1 ELSE 0 END,
            wake_at = CASE WHEN {_WOKEN} THEN {NOW} ELSE run.wake_at END,
            data = CASE WHEN run.id = %(run)s THEN coalesce(%(note_data)s::jsonb, run.data)
                        ELSE run.data END,
            attributes = CASE WHEN run.id = %(run)s
                              THEN coalesce(%(note_attributes)s::jsonb, run.attributes)
                              ELSE run.attributes END
        FROM sent
        WHERE run.id = ANY(ARRAY[sent.run_id, CASE WHEN %(keeps)s THEN %(run)s::uuid END])
        RETURNING {_WOKEN} AS woken),
    fact AS (
        {operation_line("sent", run_id="%(run)s::uuid")} RETURNING id, at, data)
    SELECT fence.state, fence.events, fact.id, fact.at, fact.data::text,
           target.over, target.unfit, (SELECT {RING} FROM changed WHERE woken)
    FROM fence LEFT JOIN target ON true LEFT JOIN fact ON true
""")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An event about to be sent by a run. payload is JSON text."""

    to: UUID
    name: str
    payload: str
    key: str
    unfit: Sequence[tuple[str, int]] = ()
    """The workflows and versions whose runs cannot take it."""


def send_and_record(
    run: ClaimedRun, letter: Letter, fact: Fact, *, notes: Notes = UNCHANGED
) -> Written | Sent | Unfit | None:
    """Put an event of this run into another's inbox, wake that, and record it.

    Written: it is sent. Sent.ACCEPTED: the receiver had it already, by its key. None: nothing was done,
    since the run is stopping, somebody else has locked its row or it is lost. Otherwise it was refused.
    """
    workflows, versions = by_columns(letter.unfit)
    owner = owner_of_inbox(letter.to)
    params = {
        **holder(run), **fact_params(run, fact), **notes.params(run),
        "to": letter.to, "payload": sealed_event(owner, letter.name, letter.payload),
        "key": letter.key, "tenant": run.tenant,
        "workflows": workflows, "versions": versions, "keeps": notes != UNCHANGED,
    }  # fmt: skip
    row = query_one(_SEND, params)
    if row is None:
        return None
    state, _, line, _, _, over, unfit, _ = row
    if line is not None:
        return written(row[:5], run, fact)
    if over is None:
        return Sent.NOT_FOUND
    if known := find_known(letter.to, owner, letter.name, letter.payload, letter.key):
        return known[0]
    if over:
        return Sent.OVER
    if unfit is not None:
        return Unfit(*letter.unfit[unfit - 1])
    assert state != RunState.RUNNING  # noqa: S101 - nothing else keeps the event from being sent
    return None
