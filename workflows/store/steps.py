"""History: load it, append the outcome of an operation under the fence."""

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import loads
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import query, query_one

# The fence locks the run's row in the same statement: a mere sub-select would let a concurrent
# claim pass and the line appear behind it.
FENCE = """
    fence AS (
        SELECT id, state, events FROM workflows_run
        WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling')
          AND (%s::integer IS NULL OR events = %s::integer)
        FOR NO KEY UPDATE)
"""
_APPEND = f"""
    WITH {FENCE}, fact AS (
        INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt)
        SELECT id, %s, %s, %s, %s, %s::jsonb, %s FROM fence
        RETURNING id, at)
    SELECT fence.state, fence.events, fact.id, fact.at FROM fence, fact
"""
_SET_STATUS = f"""
    WITH {FENCE}, labelled AS (
        UPDATE workflows_run SET status = %s FROM fence WHERE workflows_run.id = fence.id),
    fact AS (
        INSERT INTO workflows_history (run_id, position, kind, name, data, attempt)
        SELECT id, %s, '{HistoryKind.STATUS_SET}', %s, '{{}}'::jsonb, %s FROM fence
        RETURNING id, at)
    SELECT fence.state, fence.events, fact.id, fact.at FROM fence, fact
"""
_LOAD = """
    SELECT id, position, part, kind, name, data::text, at FROM workflows_history
    WHERE run_id = %s ORDER BY id
"""


class Written(NamedTuple):
    """What the append of a line reported."""

    state: RunState
    """running, or cancelling: the drive must end."""
    events: int
    """The event counter at that moment."""
    entry: HistoryEntry


def load_history(run_id: UUID) -> list[HistoryEntry]:
    """Return everything the run has done, oldest first, in one query."""
    return [_entry(*row) for row in query(_LOAD, [run_id])]


def append(run: ClaimedRun, fact: Fact, *, if_events: int | None = None) -> Written | None:
    """Append a line if this drive still holds the run; one round trip, one commit.

    if_events: also only if the event counter is still this. None: nothing was written.
    """
    fence = [run.id, run.attempt, if_events, if_events]
    line = [fact.position, fact.part, fact.kind, fact.name, fact.data, run.attempt]
    row = query_one(_APPEND, fence + line)
    return None if row is None else written(row, fact)


def set_status(run: ClaimedRun, position: int, label: str) -> Written | None:
    """Set the label people see and record it. None: the lease is lost."""
    fact = Fact(kind=HistoryKind.STATUS_SET, position=position, name=label)
    params = [run.id, run.attempt, None, None, label, position, label, run.attempt]
    row = query_one(_SET_STATUS, params)
    return None if row is None else written(row, fact)


def written(row: tuple[Any, ...], fact: Fact) -> Written:
    """Return the report of an append: its row is (state, events, line id, time)."""
    state, events, line_id, at = row
    entry = HistoryEntry(
        id=line_id,
        position=fact.position,
        part=fact.part,
        kind=fact.kind,
        name=fact.name,
        data=loads(fact.data),
        at=at,
    )
    return Written(RunState(state), events, entry)


def _entry(
    line_id: int, position: int | None, part: int, kind: str, name: str, data: str, at: datetime
) -> HistoryEntry:
    return HistoryEntry(
        id=line_id,
        position=position,
        part=part,
        kind=HistoryKind(kind),
        name=name,
        data=loads(data),
        at=at,
    )


def to_json(value: object) -> str:
    """Return the JSON text of the engine's own plain data."""
    return json.dumps(value, ensure_ascii=False)
