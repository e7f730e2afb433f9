"""What is at work now: workers, what they drive, what is due, what failed lately. Every count has a bound."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.states import DUE_STATES, HELD_STATES, RunState
from workflows.models.run import TROUBLED_STATES
from workflows.store.database import query
from workflows.store.schema import LIVING
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

MOST_COUNTED = 100_000
"""Where there are more, it is said."""

_DUE_HERE = f"""
    SELECT id, workflow, version, state, wake_at AS due_at, step_pool FROM workflows_run
    WHERE state IN {one_of(DUE_STATES)} AND wake_at <= {STATEMENT_TIME} ORDER BY wake_at LIMIT %(limit)s
"""
_DUE_AS_GUEST = f"""
    SELECT id, workflow, version, state, step_due_at, step_pool FROM workflows_run
    WHERE state IN {one_of(DUE_STATES)} AND step_due_at <= {STATEMENT_TIME} AND lease_until IS NULL
      AND (wake_at IS NULL OR wake_at > {STATEMENT_TIME})
    LIMIT %(limit)s
"""
_BOTH = f"(({_DUE_HERE}) UNION ALL ({_DUE_AS_GUEST})) AS due"
_LIST_DUE = Statement(f"SELECT * FROM {_BOTH} ORDER BY due_at LIMIT %(limit)s")
_COUNT_DUE = Statement(
    f"SELECT count(*), extract(epoch FROM {NOW} - min(due_at))::float8 FROM {_BOTH}"
)
_WORKERS = Statement(
    f"""
    SELECT worker.id, host, pid, started_at, slots, coalesce(pools, '{{}}'), worker.id IN ({LIVING}),
           coalesce(driving.runs, 0)
    FROM workflows_worker AS worker LEFT JOIN (
        SELECT worker_id, count(*) AS runs FROM workflows_run
        WHERE state IN {one_of(HELD_STATES)} AND lease_until IS NOT NULL
        GROUP BY worker_id) AS driving ON driving.worker_id = worker.id
    ORDER BY host, worker.id
    """
)
_DRIVEN = Statement(
    f"""
    SELECT run.id, workflow, version, state, run.status, run.attempt, running_steps, host, pid,
           extract(epoch FROM lease_until - {NOW})::float8
    FROM workflows_run AS run LEFT JOIN workflows_worker AS worker ON worker.id = run.worker_id
    WHERE state IN {one_of(HELD_STATES)} AND lease_until IS NOT NULL
    ORDER BY run.started_at LIMIT %(limit)s
    """
)
_FAILURES = Statement(
    f"""
    SELECT workflow, coalesce(error->>'kind', ''), coalesce(error->>'type', ''), count(*), max(finished_at)
    FROM (SELECT workflow, error, finished_at FROM workflows_run
          WHERE state = '{RunState.FAILED}' AND state IN {one_of(TROUBLED_STATES)}
          ORDER BY created_at DESC LIMIT {MOST_COUNTED}) AS failed
    WHERE finished_at > {NOW} - %(seconds)s * interval '1 second'
    GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3
    """
)


class DueCount(NamedTuple):
    """How many runs are due, and for how long the one that waits longest."""

    runs: int
    at_least: bool
    oldest_seconds: float | None


class WorkerView(NamedTuple):
    """A worker process, as its row says."""

    id: int
    host: str
    pid: int
    started_at: datetime
    slots: int
    pools: list[str]
    lives: bool
    driving: int


class DueRun(NamedTuple):
    """A run that a free worker would take."""

    id: UUID
    workflow: str
    version: int
    state: str
    due_at: datetime
    step_pool: str


class DrivenRun(NamedTuple):
    """A run that a worker holds."""

    id: UUID
    workflow: str
    version: int
    state: str
    status: str
    attempt: int
    running_steps: Any
    host: str | None
    pid: int | None
    lease_seconds: float
    """How long its lease goes on."""


class Failures(NamedTuple):
    """Runs of a workflow that failed in the same way."""

    workflow: str
    kind: str
    type: str
    runs: int
    last_at: datetime


def count_due() -> DueCount:
    """Count the runs that are due, up to a bound."""
    [[runs, oldest]] = query(_COUNT_DUE, {"limit": MOST_COUNTED + 1})
    return DueCount(min(runs, MOST_COUNTED), runs > MOST_COUNTED, oldest)


def list_due(limit: int) -> list[DueRun]:
    """Return the runs that have been due longest."""
    return [DueRun(*row) for row in query(_LIST_DUE, {"limit": limit})]


def list_driven(limit: int) -> list[DrivenRun]:
    """Return the runs that workers hold, those first that were started first."""
    return [DrivenRun(*row) for row in query(_DRIVEN, {"limit": limit})]


def list_workers() -> list[WorkerView]:
    """Return every worker that has a row; the dead ones go at the next sweep."""
    return [WorkerView(*row) for row in query(_WORKERS)]


def recent_failures(seconds: float) -> list[Failures]:
    """Return what failed in so many seconds, of the runs that failed and were created last; the most frequent
    first."""
    return [Failures(*row) for row in query(_FAILURES, {"seconds": seconds})]
