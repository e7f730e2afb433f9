"""History: load it, append the outcome of an operation under the fence."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import loads
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import query, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes

_REPORT = "SELECT fence.state, fence.events, fact.id, fact.at, fact.data::text FROM fence, fact"
_APPEND = Fenced(
    f""", fact AS (
        INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt)
        SELECT id, %s, %s, %s, %s, %s::jsonb, %s FROM fence
        RETURNING id, at, data)
    {_REPORT}"""
)
_APPEND_RETRY = Fenced(
    f""", fact AS (
        INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt)
        SELECT id, %s, %s, %s, %s,
               %s::jsonb || jsonb_build_object('retry_at',
                   clock_timestamp() + %s::float8 * interval '1 second'), %s
        FROM fence
        RETURNING id, at, data)
    {_REPORT}"""
)
_SET_STATUS = f"""
    WITH fence AS (
        UPDATE workflows_run
        SET status = %s, data = coalesce(%s::jsonb, data),
            attributes = coalesce(%s::jsonb, attributes)
        WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling')
        RETURNING id, state, events),
    fact AS (
        INSERT INTO workflows_history (run_id, position, kind, name, data, attempt)
        SELECT id, %s, '{HistoryKind.STATUS_SET}', %s, '{{}}'::jsonb, %s FROM fence
        RETURNING id, at, data)
    {_REPORT}
"""
_LOAD = """
    SELECT id, position, part, kind, name, data::text, at FROM workflows_history
    WHERE run_id = %s ORDER BY id
"""
_KINDS = {kind.value for kind in HistoryKind}


class Written(NamedTuple):
    """What the append of a line reported."""

    state: RunState
    """running, or cancelling: the drive must end."""
    events: int
    """The event counter at that moment."""
    entry: HistoryEntry
    notes: Notes = UNCHANGED
    """What the workflow keeps, as it was stored along."""


def load_history(run_id: UUID) -> list[HistoryEntry]:
    """Return everything the run has done, oldest first, in one query."""
    return [_entry(*row) for row in query(_LOAD, [run_id])]


def append(
    run: ClaimedRun, fact: Fact, *, if_events: int | None = None, notes: Notes = UNCHANGED
) -> Written | None:
    """Append a line if this drive still holds the run; one round trip, one commit.

    if_events: also only if the event counter is still this. None: nothing was written.
    """
    line = [fact.position, fact.part, fact.kind, fact.name, fact.data, run.attempt]
    sql, params = _APPEND.bind(run, line, notes=notes, if_events=if_events)
    return written(query_one(sql, params), fact)


def append_retry(
    run: ClaimedRun, fact: Fact, *, seconds: float, notes: Notes = UNCHANGED
) -> Written | None:
    """Append a failed attempt whose retry_at is so many seconds from now."""
    line = [fact.position, fact.part, fact.kind, fact.name, fact.data, seconds, run.attempt]
    sql, params = _APPEND_RETRY.bind(run, line, notes=notes)
    return written(query_one(sql, params), fact)


def set_status(run: ClaimedRun, fact: Fact, *, notes: Notes = UNCHANGED) -> Written | None:
    """Set the label people see, the line's name, and record it. None: the lease is lost."""
    held = [fact.name, *notes, run.id, run.attempt]
    line = [fact.position, fact.name, run.attempt]
    return written(query_one(_SET_STATUS, [*held, *line]), fact)


def written(row: tuple[Any, ...] | None, fact: Fact) -> Written | None:
    """Return the report of an append: its row is (state, events, line id, time, data)."""
    if row is None:
        return None
    state, events, line_id, at, data = row
    entry = HistoryEntry(
        id=line_id,
        position=fact.position,
        part=fact.part,
        kind=fact.kind,
        name=fact.name,
        data=loads(data),
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
        kind=HistoryKind(kind) if kind in _KINDS else HistoryKind.UNKNOWN,
        name=name if kind in _KINDS else kind,
        data=loads(data),
        at=at,
    )
