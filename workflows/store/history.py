"""History: load it, append the outcome of an operation under the fence."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import as_text, loads
from workflows.core.history import RETRY, HistoryEntry, HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.run import ClaimedRun, Fact
from workflows.core.sealed import IN_TEXT
from workflows.core.states import FORWARD_STATES, RunState
from workflows.store.database import query, query_one
from workflows.store.fence import (
    HEARD,
    KEEP_NOTES,
    UNCHANGED,
    Beside,
    Fenced,
    Notes,
    held,
    holder,
)
from workflows.store.insert import operation_line
from workflows.store.sealing import Opener, Sealer, place_of_line, sealed_fact
from workflows.store.statement import NOW, Statement


def recorded(source: str, **values: str) -> str:
    """Return the end of a fenced statement: it inserts an operation's line (operation_line) and
    reports what `written` reads."""
    return f"""
        fact AS ({operation_line(source, **values)} RETURNING id, at, data)
        SELECT fence.state, fence.events, fact.id, fact.at, fact.data::text FROM fence, fact
    """


_APPEND = Fenced(recorded("fence"))
_RETRY_AT = sql_data(
    HistoryKind.ATTEMPT_FAILED, retry_at=f"{NOW} + %(seconds)s::float8 * interval '1 second'"
)
_APPEND_RETRY = Fenced(recorded("fence", data=f"%(data)s::jsonb || {_RETRY_AT}"))
_SET_STATUS = Statement(
    f"""
    WITH fence AS (
        UPDATE workflows_run SET status = %(name)s, {KEEP_NOTES}
        WHERE {held(FORWARD_STATES)}
        RETURNING id, {HEARD}, events),
    {recorded("fence")}
    """
)
# Whoever cancels it while nobody drives it turns it to its cleanup, by the flag of compensations.
_SET_CLEANUP = Statement(
    f"""
    WITH fence AS (
        UPDATE workflows_run SET undo_on_cancel = true, {KEEP_NOTES}
        WHERE {held(FORWARD_STATES)}
        RETURNING id, {HEARD}, events),
    {recorded("fence")}
    """
)
_LOAD = Statement(
    """
    SELECT id, position, part, kind, name, data::text, at FROM workflows_history
    WHERE run_id = %s ORDER BY id
    """
)
_LOAD_SEVERAL = Statement(
    """
    SELECT run_id, id, position, part, kind, name, data::text, at FROM workflows_history
    WHERE run_id = ANY(%s) ORDER BY run_id, id
    """
)
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


def load_history(run_id: UUID, opener: Opener | None = None) -> list[HistoryEntry]:
    """Return everything the run has done, oldest first, in one query. opener: opens what is encrypted;
    None: it stays as it is stored."""
    return [_entry(*row, opener=opener) for row in query(_LOAD, [run_id])]


def show_history(run_id: UUID, opener: Callable[[], Opener]) -> list[HistoryEntry]:
    """Return everything the run has done, opened by what is made only where something is encrypted."""
    rows = query(_LOAD, [run_id])
    opens = opener() if any(IN_TEXT in row[5] for row in rows) else None
    return [_entry(*row, opener=opens) for row in rows]


def load_histories(run_ids: Sequence[UUID]) -> dict[UUID, list[HistoryEntry]]:
    """Return everything that each of these runs has done, in one query."""
    found: dict[UUID, list[HistoryEntry]] = {run_id: [] for run_id in run_ids}
    for run_id, *line in query(_LOAD_SEVERAL, [list(run_ids)]):
        found[run_id].append(_entry(*line))
    return found


def append(
    run: ClaimedRun, fact: Fact, *, if_events: int | None = None, notes: Notes = UNCHANGED
) -> Written | None:
    """Append a line if this drive still holds the run; one round trip, one commit.

    if_events: also only if the event counter is still this. None: nothing was written.
    """
    row = _APPEND.send(run, fact_params(run, fact), notes=notes, if_events=if_events)
    return written(row, run, fact)


def append_beside(run: ClaimedRun, fact: Fact, beside: Beside) -> Written | None:
    """Append a line under a fence that stands in a transaction beside this one (store/isolation.py)."""
    return written(_APPEND.send_beside(run, fact_params(run, fact), beside), run, fact)


def append_retry(
    run: ClaimedRun, fact: Fact, *, seconds: float, notes: Notes = UNCHANGED
) -> Written | None:
    """Append a failed attempt whose retry_at is so many seconds from now."""
    params = fact_params(run, fact) | {"seconds": seconds}
    return written(_APPEND_RETRY.send(run, params, notes=notes), run, fact)


def set_status(run: ClaimedRun, fact: Fact, *, notes: Notes = UNCHANGED) -> Written | None:
    """Set the label people see, the line's name, and record it. None: the lease is lost."""
    params = {**holder(run), **fact_params(run, fact), **notes.params(run)}
    return written(query_one(_SET_STATUS, params), run, fact)


def set_cleanup(run: ClaimedRun, fact: Fact, *, notes: Notes = UNCHANGED) -> Written | None:
    """Record that a step is to run when the run ends, however that comes. None: the lease is lost."""
    params = {**holder(run), **fact_params(run, fact), **notes.params(run)}
    return written(query_one(_SET_CLEANUP, params), run, fact)


def fact_params(run: ClaimedRun, fact: Fact) -> dict[str, Any]:
    """Return the parameters of operation_line, but for the attempt."""
    return {
        "position": fact.position,
        "part": fact.part + run.retries * RETRY,
        "kind": fact.kind,
        "name": fact.name,
        "data": sealed_fact(run.chain_root, fact),
    }


def written(row: tuple[Any, ...] | None, run: ClaimedRun, fact: Fact) -> Written | None:
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
    if IN_TEXT in data:
        entry = opened_entry(entry, Opener(run.chain_root))
    return Written(RunState(state), events, entry)


def opened_entry(entry: HistoryEntry, opener: Opener) -> HistoryEntry:
    """Return a line with its values opened, as far as the opener can."""
    place = place_of_line(entry.position, entry.part)
    return replace(entry, data=opener.line(entry.kind, entry.name, place, entry.data))


def sealed_entry(entry: HistoryEntry, sealing: Sealer) -> str:
    """Return the data of a line, sealed, as JSON text."""
    place = place_of_line(entry.position, entry.part)
    return as_text(sealing.line(entry.kind, entry.name, place, entry.data))


def _entry(
    line_id: int,
    position: int | None,
    part: int,
    kind: str,
    name: str,
    data: str,
    at: datetime,
    *,
    opener: Opener | None = None,
) -> HistoryEntry:
    entry = HistoryEntry(
        id=line_id,
        position=position,
        part=part,
        kind=HistoryKind(kind) if kind in _KINDS else HistoryKind.UNKNOWN,
        name=name if kind in _KINDS else kind,
        data=loads(data),
        at=at,
    )
    return entry if opener is None or IN_TEXT not in data else opened_entry(entry, opener)
