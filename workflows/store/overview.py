"""What stands in the queue and in its way, by index; counting stops where it would take long."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from workflows.core.history import HistoryKind
from workflows.core.lines import CHILD_EVENT
from workflows.core.overview import ScheduleView, Trouble, WorkerView
from workflows.core.states import DUE_STATES, HELD_STATES, RunState
from workflows.store.database import query
from workflows.store.prune import NAMES_OF_ENDED
from workflows.store.schema import LIVING
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

MOST_COUNTED = 2_000
MOST_LOOKED_INTO = 500
"""Runs whose history is asked what they wait for, and runs whose errors are read."""
LATE_SECONDS = 60
SOON_DUE = 10
"""Schedules that are told."""
_MESSAGE_LENGTH = 200

# run_due_idx three times: each kind is counted for itself, so that many of one hide none of another. The order
# is the index's: without, PostgreSQL may hope to come upon enough of them in the table soon.
_QUEUED = "SELECT id, workflow, state, wake_at, waiting_for, step_due_at FROM workflows_run"
_IS_QUEUED = f"state IN {one_of(DUE_STATES)} AND lease_until IS NULL"
DUE_NOW = f"""
    {_QUEUED} WHERE {_IS_QUEUED} AND wake_at <= {STATEMENT_TIME} ORDER BY wake_at LIMIT {MOST_COUNTED}
"""
GUESTS = f"""
    {_QUEUED} WHERE {_IS_QUEUED} AND step_due_at IS NOT NULL
    ORDER BY step_pool LIMIT {MOST_COUNTED}
"""
TIMED = f"""
    {_QUEUED} WHERE {_IS_QUEUED} AND wake_at > {STATEMENT_TIME} AND step_due_at IS NULL
    ORDER BY wake_at LIMIT {MOST_COUNTED}
"""
UNTIMED = f"""
    {_QUEUED} WHERE {_IS_QUEUED} AND wake_at IS NULL AND step_due_at IS NULL
    ORDER BY wake_at LIMIT {MOST_COUNTED}
"""
_DUE = Statement(
    f"""
    WITH due AS (
        SELECT wake_at AS at FROM ({DUE_NOW}) AS own
        UNION ALL
        SELECT step_due_at FROM ({GUESTS}) AS guest
        WHERE step_due_at <= {STATEMENT_TIME} AND (wake_at IS NULL OR wake_at > {STATEMENT_TIME}))
    SELECT {NOW}, count(*),
           coalesce(extract(epoch FROM {STATEMENT_TIME} - min(at)), 0)::float8,
           count(*) FILTER (WHERE at < {STATEMENT_TIME} - interval '{LATE_SECONDS} seconds')
    FROM due
    """
)
_SLEEPS = f"""
    coalesce((SELECT line.kind = '{HistoryKind.SLEEP_STARTED}' FROM workflows_history AS line
              WHERE line.run_id = run.id AND line.position IS NOT NULL
              ORDER BY line.position DESC, line.part DESC LIMIT 1), true)
"""
_WAITING = Statement(
    f"""
    WITH run AS (
        SELECT *, row_number() OVER () AS number FROM (
            SELECT * FROM ({TIMED}) AS timed UNION ALL SELECT * FROM ({UNTIMED}) AS untimed
        ) AS parked),
    told AS (
        SELECT CASE WHEN waiting_for[1] LIKE 'limit %%' THEN 'limit'
                    WHEN starts_with(waiting_for[1], '{CHILD_EVENT}') THEN 'child'
                    WHEN waiting_for[1] IS NOT NULL THEN 'event'
                    WHEN state = '{RunState.PENDING}' THEN 'time'
                    ELSE 'unknown' END AS what, run.*
        FROM run)
    SELECT what, count(*), false FROM told WHERE what <> 'unknown' GROUP BY what
    UNION ALL
    SELECT CASE WHEN {_SLEEPS} THEN 'time' ELSE 'retry' END, count(*), bool_or(more)
    FROM (SELECT *, count(*) OVER () > {MOST_LOOKED_INTO} AS more FROM told
          WHERE what = 'unknown' ORDER BY number LIMIT {MOST_LOOKED_INTO}) AS run
    GROUP BY 1
    UNION ALL
    SELECT '', count(*), count(*) FILTER (WHERE wake_at IS NULL) >= {MOST_COUNTED}
                         OR count(*) FILTER (WHERE wake_at IS NOT NULL) >= {MOST_COUNTED}
    FROM run
    """
)


def _count(states: Sequence[RunState]) -> str:
    return f"""
        SELECT count(*) FROM (SELECT FROM workflows_run WHERE state IN {one_of(states)}
                              LIMIT {MOST_COUNTED}) AS counted
    """


HELD = f"state IN {one_of(HELD_STATES)} AND lease_until IS NOT NULL"
_SET_ASIDE = Statement(
    f"""
    SELECT ({_count([RunState.PAUSED])}), ({_count([RunState.BLOCKED])}),
           (SELECT count(*) FROM workflows_run WHERE {HELD})
    """
)
_ERROR = f"""
    coalesce(error ->> 'type', '') AS type, left(coalesce(error ->> 'message', ''), {_MESSAGE_LENGTH}) AS message,
    coalesce(error ->> 'kind', '') AS kind
"""
_GROUPED = "GROUP BY workflow, type, message, kind ORDER BY count(*) DESC, workflow LIMIT 100"
_FAILED = Statement(
    f"""
    {NAMES_OF_ENDED}
    SELECT workflow, type, message, kind, count(*), max(finished_at)
    FROM name, LATERAL (
        SELECT {_ERROR}, finished_at FROM workflows_run AS run
        WHERE run.workflow = name.workflow AND state = '{RunState.FAILED}'
          AND parent_id IS NULL AND continued_as IS NULL
          AND finished_at > {STATEMENT_TIME} - interval '1 hour'
        ORDER BY finished_at DESC LIMIT {MOST_LOOKED_INTO}) AS failed
    WHERE workflow IS NOT NULL
    {_GROUPED}
    """
)
_BLOCKED = Statement(
    f"""
    SELECT workflow, type, message, kind, count(*), max(created_at)
    FROM (SELECT workflow, {_ERROR}, created_at FROM workflows_run
          WHERE state = '{RunState.BLOCKED}' ORDER BY created_at DESC LIMIT {MOST_LOOKED_INTO}) AS blocked
    {_GROUPED}
    """
)
_WORKERS = Statement(
    f"""
    SELECT id, host, pid, started_at, slots, coalesce(driving, 0), coalesce(pools, '{{}}'),
           coalesce(left(md5(workflows::text || versions::text || other_workflows::text
                             || other_versions::text), 8), '')
    FROM workflows_worker AS worker
    LEFT JOIN (SELECT worker_id, count(*) AS driving FROM workflows_run WHERE {HELD}
               GROUP BY worker_id) AS held ON held.worker_id = worker.id
    WHERE id IN ({LIVING})
    ORDER BY host, started_at, id
    """
)
_READY = "paused_at IS NULL AND NOT removed"
_SCHEDULES = Statement(
    f"""
    SELECT name, workflow, next_at, missed,
           greatest(coalesce(extract(epoch FROM {STATEMENT_TIME} - next_at), 0), 0)::float8
    FROM workflows_schedule WHERE {_READY} AND next_at IS NOT NULL ORDER BY next_at LIMIT {SOON_DUE}
    """
)
_MISSED = Statement("SELECT coalesce(sum(missed), 0)::bigint FROM workflows_schedule")


class Due(NamedTuple):
    """What waits for a worker now."""

    at: datetime
    runs: int
    oldest_seconds: float
    late: int


def load_due() -> Due:
    """Count what is due, up to MOST_COUNTED of each pool's own and of guests."""
    [row] = query(_DUE)
    return Due(*row)


def load_waiting() -> list[tuple[str, int, bool]]:
    """Count what is not due by what it waits for: what, how many, may there be more. "": all of them."""
    return [(what, count, bool(more)) for what, count, more in query(_WAITING)]


def load_set_aside() -> tuple[int, int, int]:
    """Count the paused and the blocked, up to MOST_COUNTED, and those that a worker holds."""
    [(paused, blocked, held)] = query(_SET_ASIDE)
    return paused, blocked, held


def load_failed() -> list[Trouble]:
    """Return the failures of the last hour, children apart."""
    return [Trouble(*row) for row in query(_FAILED)]


def load_blocked() -> list[Trouble]:
    """Return the errors of what is blocked."""
    return [Trouble(*row) for row in query(_BLOCKED)]


def load_workers() -> list[WorkerView]:
    """Return the living workers."""
    return [
        WorkerView(worker_id, host, pid, since, slots, driving, tuple(pools), code)
        for worker_id, host, pid, since, slots, driving, pools, code in query(_WORKERS)
    ]


def load_schedules() -> list[ScheduleView]:
    """Return the schedules that are due next."""
    return [ScheduleView(*row) for row in query(_SCHEDULES)]


def load_missed() -> int:
    """Return how many ticks were missed, of all schedules."""
    [[missed]] = query(_MISSED)
    return int(missed)
