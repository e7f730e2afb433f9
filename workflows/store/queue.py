"""The queue: which runs are due, and who takes them. It is the table of runs itself."""

import functools
import time
import uuid
from dataclasses import fields
from typing import Any, NamedTuple

from workflows.core.run import ClaimedRun
from workflows.core.states import PARKABLE_STATES, RunState
from workflows.core.turns import Turns
from workflows.store import guests, lanes
from workflows.store.database import Connection, query, query_one
from workflows.store.due import CODE_IS_HERE, IS_DUE, LOCKED, OWN, WITH_GUESTS, Form
from workflows.store.fence import LOCK_WAIT_SECONDS, holder, still_held, wait_at_most
from workflows.store.guests import Guests
from workflows.store.schema import RING
from workflows.store.statement import NOW, STATEMENT_TIME, Statement

LONGEST_PAUSE_SECONDS = 30
"""Between two drives of a run that the database refuses."""


def _look_ahead(form: Form) -> Statement:
    return Statement(
        f"""
        {form.ctes}, sought AS ({form.heads})
        SELECT (SELECT least(count(*), %(limit)s)
                FROM sought AS head, LATERAL ({form.due}) AS run
                WHERE head.wake_at <= {STATEMENT_TIME}),
               (SELECT extract(epoch FROM min(wake_at) - {NOW})::float8 FROM sought)
        """
    )


_JSON = ("input", "defaults", "data", "attributes", "baggage", "heartbeat", "error")
_CLAIMED = {
    **{field.name: f"run.{field.name}" for field in fields(ClaimedRun)},
    **{name: f"run.{name}::text" for name in _JSON},
    "due_at": "due.wake_at",
    "step_pool": "due.step_pool",
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
            step_pool = '', step_due_at = NULL,
            waiting_for = '{{}}', woken = false, started_at = coalesce(run.started_at, {NOW})
        FROM due WHERE run.id = due.id
        RETURNING {", ".join(_CLAIMED.values())}
        """
    )


# The inner query locks a run of one workflow, and the next workflow is asked only if it found none
# that is free. Whoever sorted after the lock would hold one run of each.
def _by_time(form: Form) -> str:
    return f"""
        SELECT free.id, free.wake_at, free.step_pool
        FROM (SELECT * FROM ({form.heads}) AS sought WHERE wake_at <= {STATEMENT_TIME}
              ORDER BY priority DESC, wake_at) AS head,
             LATERAL ({form.free}) AS free
        LIMIT 1
    """


def _claim_by_time(form: Form) -> Statement:
    return _claim(f"{form.ctes}, due AS MATERIALIZED ({_by_time(form)})")


# Who is next in turn, and where none of the tenants has a run that is free, what has been due longest.
def _claim_by_turn(form: Form) -> Statement:
    highest = f"""
        SELECT max(priority) AS priority FROM ({form.heads}) AS sought
        WHERE wake_at <= {STATEMENT_TIME}
    """
    return _claim(
        f"""
        {form.ctes}, highest AS MATERIALIZED ({highest}), {lanes.tenants("highest")},
        due AS MATERIALIZED (
            SELECT *, '' AS step_pool
            FROM ({lanes.first_free(CODE_IS_HERE, LOCKED)}) AS in_turn
            UNION ALL SELECT * FROM ({_by_time(form)}) AS by_time
            LIMIT 1)
        """
    )


class _Statements(NamedTuple):
    """What is asked of the queue."""

    claim: Statement
    claim_in_turn: Statement
    look_ahead: Statement


def _statements(form: Form) -> _Statements:
    return _Statements(_claim_by_time(form), _claim_by_turn(form), _look_ahead(form))


_OF_OWN, _OF_GUESTS_TOO = _statements(OWN), _statements(WITH_GUESTS)
_CLAIM_ONE = _claim(
    f"""
    WITH due AS MATERIALIZED (
        SELECT id, least(wake_at, step_due_at) AS wake_at, step_pool FROM workflows_run
        WHERE id = %(only)s AND ({IS_DUE} AND {CODE_IS_HERE} OR {guests.IS_DUE_HERE}) {LOCKED})
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
    guests: Guests | None = None
    """Which runs it drives that have come from other pools for a step; None: none."""


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
        return _claim_in_turn(turns, _asked(code), params)
    row = query_one(_asked(code).claim if only is None else _CLAIM_ONE, params)
    return None if row is None else _claimed(row)


def _claim_in_turn(turns: Turns, asked: _Statements, params: dict[str, Any]) -> ClaimedRun | None:
    if turns.wakes(time.monotonic()):
        lanes.wake()
    after = turns.next()
    row = query_one(
        asked.claim if after is None else asked.claim_in_turn, params | {"after": after}
    )
    if row is None:
        return None
    run = _claimed(row)
    turns.took(run.tenant, in_turn=after is not None)
    return run


def _claimed(row: tuple[Any, ...]) -> ClaimedRun:
    return ClaimedRun(**dict(zip(_CLAIMED, row, strict=True)))


def look_ahead(own: Connection, *, limit: int, code: Code | None = None) -> Due:
    """Say how many runs with code here are due, up to limit, and when the next of them is."""
    [row] = query(_asked(code).look_ahead, {"limit": limit, **_known(code)}, on=own)
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


def _asked(code: Code | None) -> _Statements:
    return _OF_OWN if code is not None and code.guests is None else _OF_GUESTS_TOO


def _known(code: Code | None) -> dict[str, Any]:
    if code is None:
        return {"names": None, "versions": None, **guests.sought(None)}
    known = {"names": _array(tuple(code.names)), "versions": _array(tuple(code.versions))}
    if code.guests is None:
        return known
    arrays = {key: _array(tuple(each)) for key, each in guests.sought(code.guests).items()}
    return known | arrays


@functools.lru_cache(maxsize=8)
def _array(values: tuple[str | int, ...]) -> str:
    """Return an array as PostgreSQL writes it. psycopg would look at every element at each claim."""
    texts = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return "{" + ",".join(f'"{each}"' for each in texts) + "}"
