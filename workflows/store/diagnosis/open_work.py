"""Runs, limits and schedules: what stands where it should not."""

from typing import NamedTuple
from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.states import DUE_STATES, FINAL_STATES, HELD_STATES, RunState
from workflows.store.database import query
from workflows.store.statement import NOW, Statement, one_of

MOST = 10_000
"""So many rows of each kind are looked at."""

_ALONE = one_of(HELD_STATES - {RunState.COMPENSATING})
_ENDED = one_of(FINAL_STATES)
_AGO = f"{NOW} - %(seconds)s * interval '1 second'"


def _count(those: str, order: str = "created_at") -> Statement:
    return Statement(
        f"""
        SELECT count(*), (array_agg(id))[1] FROM (
            SELECT id FROM workflows_run WHERE {those} ORDER BY {order} LIMIT {MOST}) AS found
        """
    )


_BLOCKED = Statement(
    f"""
    SELECT workflow, coalesce(error->>'type', ''), count(*), (array_agg(id))[1]
    FROM (SELECT id, workflow, error FROM workflows_run WHERE state = '{RunState.BLOCKED}'
          ORDER BY created_at DESC LIMIT {MOST}) AS blocked
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20
    """
)
_LEASE_PAST = _count(f"state IN {one_of(HELD_STATES)} AND lease_until < {_AGO}", "lease_until")
_HELD_BY_NOBODY = _count(
    f"state IN {_ALONE} AND state IN {one_of(HELD_STATES)} AND lease_until IS NULL"
)
_NEVER_DUE = _count(
    f"""
    state IN ('{RunState.PENDING}', '{RunState.WAITING}') AND state IN {one_of(DUE_STATES)}
    AND wake_at IS NULL AND step_due_at IS NULL AND waiting_for = '{{}}'
    """,
    "id",
)
_CANCELLING = Statement(
    f"""
    SELECT count(*), (array_agg(id))[1] FROM workflows_run AS run
    WHERE state = '{RunState.CANCELLING}' AND state IN {one_of(HELD_STATES)} AND EXISTS (
        SELECT FROM workflows_history AS line
        WHERE line.run_id = run.id AND line.kind = '{HistoryKind.CANCEL_REQUESTED}' AND line.at < {_AGO})
    """
)


def _left(table: str) -> Statement:
    return Statement(
        f"""
        SELECT count(*), (array_agg(held.run_id))[1]
        FROM (SELECT run_id FROM {table} WHERE run_id IS NOT NULL LIMIT {MOST}) AS held
        LEFT JOIN workflows_run AS run ON run.id = held.run_id
        WHERE run.id IS NULL OR run.state IN {_ENDED}
        """
    )


_SLOTS_LEFT, _WAITS_LEFT, _MOMENTS_LEFT = map(
    _left, ("workflows_limitslot", "workflows_limitwait", "workflows_limitmoment")
)
_OPEN_CODE = Statement(
    f"""
    SELECT workflow, version, count(*) FROM (
        SELECT workflow, version FROM workflows_run WHERE state NOT IN {_ENDED} LIMIT {10 * MOST}) AS open
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)
_LATE_SCHEDULES = Statement(
    f"""
    SELECT name, extract(epoch FROM {NOW} - next_at)::float8 FROM workflows_schedule
    WHERE paused_at IS NULL AND NOT removed AND next_at < {_AGO} ORDER BY next_at LIMIT 20
    """
)
_BROKEN_SCHEDULES = Statement(
    "SELECT name, problem FROM workflows_schedule WHERE problem <> '' ORDER BY name LIMIT 20"
)
_RUNS = Statement(
    "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'workflows_run'::regclass"
)


class Blocked(NamedTuple):
    """Runs of a workflow that are blocked in the same way."""

    workflow: str
    type: str
    runs: int
    run_id: UUID


class Found(NamedTuple):
    """How many there are, and the id of one of the runs."""

    runs: int
    run_id: UUID | None


def blocked_runs() -> list[Blocked]:
    """Return what is blocked, the most first."""
    return [Blocked(*row) for row in query(_BLOCKED)]


def leases_past(seconds: float) -> Found:
    """Return the held runs whose leases ended so long ago, which nobody has taken back."""
    return _found(_LEASE_PAST, seconds)


def held_by_nobody() -> Found:
    """Return the runs that are driven by their state, and have no lease."""
    return _found(_HELD_BY_NOBODY)


def never_due() -> Found:
    """Return the runs that wait for no time and no event."""
    return _found(_NEVER_DUE)


def long_cancelling(seconds: float) -> Found:
    """Return the runs that were asked to stop so long ago, and have not stopped."""
    return _found(_CANCELLING, seconds)


def slots_left() -> Found:
    """Return the slots of limits that ended runs hold."""
    return _found(_SLOTS_LEFT)


def waits_left() -> Found:
    """Return the places in queues, and the moments, that ended runs have left behind."""
    waits, moments = _found(_WAITS_LEFT), _found(_MOMENTS_LEFT)
    return Found(waits.runs + moments.runs, waits.run_id or moments.run_id)


def open_code() -> list[tuple[str, int, int]]:
    """Return the workflows and versions of open runs, and of how many."""
    return [(workflow, version, runs) for workflow, version, runs in query(_OPEN_CODE)]


def late_schedules(seconds: float) -> list[tuple[str, float]]:
    """Return the schedules that should have done something so long ago, and how late they are."""
    return [(name, late) for name, late in query(_LATE_SCHEDULES, {"seconds": seconds})]


def broken_schedules() -> list[tuple[str, str]]:
    """Return the schedules whose last try to start failed, and why."""
    return [(name, problem) for name, problem in query(_BROKEN_SCHEDULES)]


def estimated_runs() -> int:
    """Return how many rows PostgreSQL believes that there are."""
    [[runs]] = query(_RUNS)
    return int(runs)


def _found(statement: Statement, seconds: float | None = None) -> Found:
    [[runs, run_id]] = query(statement, {} if seconds is None else {"seconds": seconds})
    return Found(int(runs), run_id)
