"""The queue: which runs are due, and who takes them. It is the table of runs itself."""

import functools
import time
import uuid
from dataclasses import fields
from typing import Any, NamedTuple

from workflows.core.run import ClaimedRun
from workflows.core.states import DUE_STATES, PARKABLE_STATES, RunState
from workflows.core.turns import Turns
from workflows.store import lanes
from workflows.store.database import Connection, query, query_one
from workflows.store.fence import LOCK_WAIT_SECONDS, holder, still_held, wait_at_most
from workflows.store.schema import RING
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

LONGEST_PAUSE_SECONDS = 30
"""Between two drives of a run that the database refuses."""

# A worker takes only what it has code for.
_CODE_IS_HERE = """
    (%(names)s::text[] IS NULL
     OR (workflow, version) IN (SELECT * FROM unnest(%(names)s::text[], %(versions)s::integer[])))
"""
# The states that are not due, instead of those that are: an older release beside this one needs
# run_due_idx, and where the planner may take it, it reads through every due run without code here.
_WAKES = f"wake_at IS NOT NULL AND state NOT IN {one_of(set(RunState) - DUE_STATES)}"
_IS_DUE = f"{_WAKES} AND wake_at <= {STATEMENT_TIME}"


def _head(of_those: str) -> str:
    return f"""
        SELECT priority, workflow, version, wake_at FROM workflows_run
        WHERE {_WAKES} {of_those}
        ORDER BY priority DESC, workflow DESC, version DESC, wake_at LIMIT 1
    """


# From the first run of one workflow to that of the next, past all between them: run_turn_idx has
# this order, read backwards.
_HEADS = f"""
    WITH RECURSIVE every_head AS (
        ({_head("")})
        UNION ALL
        SELECT next.* FROM every_head AS head, LATERAL ({
    _head("AND (priority, workflow, version) < (head.priority, head.workflow, head.version)")
}) AS next),
    heads AS (SELECT * FROM every_head WHERE {_CODE_IS_HERE})
"""
"""Of each workflow with code here, at each priority, the run that is due first, or will be."""
_BEHIND_HEAD = """
    (run.priority, run.workflow, run.version) = (head.priority, head.workflow, head.version)
"""
# A number: with a parameter, which the server knows at each execution only, it plans at each.
_MOST_COUNTED = 1_000
_LOOK_AHEAD = Statement(
    f"""
    {_HEADS}
    SELECT (SELECT least(count(*), %(limit)s)
            FROM heads AS head, LATERAL (
                SELECT FROM workflows_run AS run
                WHERE {_BEHIND_HEAD} AND {_IS_DUE}
                ORDER BY run.wake_at LIMIT {_MOST_COUNTED}) AS run
            WHERE head.wake_at <= {STATEMENT_TIME}),
           (SELECT extract(epoch FROM min(wake_at) - {NOW})::float8 FROM heads)
    """
)
_JSON = ("input", "defaults", "data", "attributes", "baggage", "heartbeat", "error")
_CLAIMED = {
    **{field.name: f"run.{field.name}" for field in fields(ClaimedRun)},
    **{name: f"run.{name}::text" for name in _JSON},
    "due_at": "due.wake_at",
    "now": NOW,
}
"""By its name in ClaimedRun, what a claim returns."""


def _claim(due: str) -> Statement:
    return Statement(
        f"""
        {due}
        UPDATE workflows_run AS run
        SET state = CASE run.state WHEN '{RunState.COMPENSATING}' THEN run.state
                                   ELSE '{RunState.RUNNING}' END,
            attempt = run.attempt + 1, worker_id = %(worker_id)s,
            lease_until = {NOW} + %(lease_seconds)s * interval '1 second', wake_at = NULL,
            waiting_for = '{{}}', woken = false, started_at = coalesce(run.started_at, {NOW})
        FROM due WHERE run.id = due.id
        RETURNING {", ".join(_CLAIMED.values())}
        """
    )


# NO KEY UPDATE lets through the foreign keys' share locks of senders.
_LOCKED = "LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
# The inner query locks a run of one workflow, and the next workflow is asked only if it found none
# that is free. Whoever sorted after the lock would hold one run of each.
_BY_TIME = f"""
    SELECT free.id, free.wake_at
    FROM (SELECT * FROM heads WHERE wake_at <= {STATEMENT_TIME}
          ORDER BY priority DESC, wake_at) AS head,
         LATERAL (SELECT id, wake_at FROM workflows_run AS run
                  WHERE {_BEHIND_HEAD} AND {_IS_DUE}
                  ORDER BY wake_at {_LOCKED}) AS free
    LIMIT 1
"""
_CLAIM = _claim(f"{_HEADS}, due AS MATERIALIZED ({_BY_TIME})")
_HIGHEST = f"SELECT max(priority) AS priority FROM heads WHERE wake_at <= {STATEMENT_TIME}"
# Who is next in turn, and where none of the tenants has a run that is free, what has been due longest.
_CLAIM_IN_TURN = _claim(
    f"""
    {_HEADS}, highest AS MATERIALIZED ({_HIGHEST}), {lanes.tenants("highest")},
    due AS MATERIALIZED (
        SELECT * FROM ({lanes.first_free(_CODE_IS_HERE, _LOCKED)}) AS in_turn
        UNION ALL SELECT * FROM ({_BY_TIME}) AS by_time
        LIMIT 1)
    """
)
_CLAIM_ONE = _claim(
    f"""
    WITH due AS MATERIALIZED (
        SELECT id, wake_at FROM workflows_run
        WHERE id = %(only)s AND {_IS_DUE} AND {_CODE_IS_HERE} {_LOCKED})
    """
)


def _go_back(pause: str) -> Statement:
    """Return the statement that lets go of a run; pause: a query for the seconds to its turn."""
    return Statement(
        f"""
        WITH until_then AS ({pause}),
        released AS (
            UPDATE workflows_run
            SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                                   ELSE '{RunState.PENDING}' END,
                wake_at = {NOW} + pause * interval '1 second',
                worker_id = NULL, lease_until = NULL
            FROM until_then
            WHERE {still_held(PARKABLE_STATES)} AND {wait_at_most("%(lock_wait)s::text")}
            RETURNING pause)
        SELECT pause, CASE WHEN pause = 0 THEN {RING} END FROM released
        """
    )


_RELEASE = _go_back("SELECT 0::float8 AS pause")
# Every claim counts up the attempt and every line names it: what lies between the run's own and the
# newest line's are the drives in a row that have recorded nothing.
_GIVE_BACK = _go_back(
    f"""
    SELECT CASE WHEN drives <= 0 THEN 0
                ELSE least(power(2, least(drives, 30) - 1), {LONGEST_PAUSE_SECONDS})
           END::float8 AS pause
    FROM (SELECT %(attempt)s - coalesce(max(attempt), 0) - %(at_once)s AS drives
          FROM workflows_history WHERE run_id = %(run)s) AS fruitless
    """
)


class Due(NamedTuple):
    """What the queue holds."""

    runs: int
    """Runs due now, counted up to the limit asked for."""
    next_seconds: float | None
    """Until the earliest is due (negative: it is); None when none ever is."""


class Code(NamedTuple):
    """The workflows a process has code for: names and versions, pairwise."""

    names: list[str]
    versions: list[int]


def claim_run(
    *,
    worker_id: int | None,
    lease_seconds: float,
    code: Code | None = None,
    only: uuid.UUID | None = None,
    turns: Turns | None = None,
) -> ClaimedRun | None:
    """Take the lease of the run that has been due longest among those of the highest priority;
    None when none is due.

    code: only of these workflows; None: of any. only: this run or none. turns: whose turn it is,
    as this worker remembers; None: time alone decides. One statement, one commit.
    Runs that others are claiming or sending events to are passed over.
    """
    params = {"worker_id": worker_id, "lease_seconds": lease_seconds, "only": only, **_known(code)}
    if turns is not None:
        return _claim_in_turn(turns, params)
    row = query_one(_CLAIM if only is None else _CLAIM_ONE, params)
    return None if row is None else _claimed(row)


def _claim_in_turn(turns: Turns, params: dict[str, Any]) -> ClaimedRun | None:
    if turns.wakes(time.monotonic()):
        lanes.wake()
    after = turns.next()
    row = query_one(_CLAIM if after is None else _CLAIM_IN_TURN, params | {"after": after})
    if row is None:
        return None
    run = _claimed(row)
    turns.took(run.tenant, in_turn=after is not None)
    return run


def _claimed(row: tuple[Any, ...]) -> ClaimedRun:
    return ClaimedRun(**dict(zip(_CLAIMED, row, strict=True)))


def look_ahead(own: Connection, *, limit: int, code: Code | None = None) -> Due:
    """Say how many runs with code here are due, up to limit, and when the next of them is."""
    [row] = query(_LOOK_AHEAD, {"limit": limit, **_known(code)}, on=own)
    return Due(*row)


def release_run(run: ClaimedRun) -> bool:
    """Give the run back to the queue, due now. False when the lease is lost."""
    return query_one(_RELEASE, holder(run) | {"lock_wait": LOCK_WAIT_SECONDS}) is not None


def give_back(
    run: ClaimedRun, *, at_once: int, lock_wait_seconds: float = LOCK_WAIT_SECONDS
) -> float | None:
    """Give the run back after a drive that the database failed. Returns in how many seconds it is
    due; None: the lease is lost, or the run is being cancelled.

    at_once: so many drives in a row may record nothing without a wait for the next one; from then
    on it waits for a second, and twice as long each time, up to LONGEST_PAUSE_SECONDS.
    """
    params = {"at_once": at_once, "lock_wait": lock_wait_seconds}
    row = query_one(_GIVE_BACK, holder(run) | params)
    return None if row is None else float(row[0])


def _known(code: Code | None) -> dict[str, Any]:
    if code is None:
        return {"names": None, "versions": None}
    return {"names": _array(tuple(code.names)), "versions": _array(tuple(code.versions))}


@functools.lru_cache(maxsize=8)
def _array(values: tuple[str | int, ...]) -> str:
    """Return an array as PostgreSQL writes it. psycopg would look at every element at each claim."""
    texts = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return "{" + ",".join(f'"{each}"' for each in texts) + "}"
