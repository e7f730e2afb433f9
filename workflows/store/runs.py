"""Runs: create by key, claim a lease, end, release."""

import uuid
from typing import Any

from workflows.core.codec import Input, loads
from workflows.core.history import HistoryKind
from workflows.core.lines import run_ended
from workflows.core.run import ClaimedRun, RunView
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import UNCHANGED, Notes
from workflows.store.parking import ANY_CODE, CODE_IS_HERE, DUE, Code

LONGEST_PAUSE_SECONDS = 30
"""Between two drives of a run that the database refuses."""

_CREATE = f"""
    WITH created AS (
        INSERT INTO workflows_run
            (id, workflow, version, state, status, key, input, defaults, deadline, undo_on_cancel,
             wake_at)
        VALUES (%s, %s, %s, '{RunState.PENDING}', '', %s, %s::jsonb, %s::jsonb,
                clock_timestamp() + %s::float8 * interval '1 second', %s, clock_timestamp())
        ON CONFLICT (workflow, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING created_at, wake_at, deadline)
    SELECT created_at, wake_at, deadline, pg_notify('{CHANNEL}', '') FROM created
"""

# statement_timestamp() bounds the index scan; clock_timestamp() is volatile and cannot.
# NO KEY UPDATE lets through the foreign keys' share locks of senders.
_CLAIM = f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM workflows_run
        WHERE {DUE} AND wake_at <= statement_timestamp() AND {CODE_IS_HERE}
        ORDER BY wake_at LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE workflows_run AS run
    SET state = CASE run.state WHEN '{RunState.COMPENSATING}' THEN run.state
                               ELSE '{RunState.RUNNING}' END,
        attempt = run.attempt + 1, worker_id = %s,
        lease_until = clock_timestamp() + %s * interval '1 second', wake_at = NULL,
        waiting_for = '{{}}', started_at = coalesce(run.started_at, clock_timestamp())
    FROM due WHERE run.id = due.id
    RETURNING run.id, run.workflow, run.version, run.state, run.attempt, run.input::text,
              run.defaults::text, run.events, run.data::text, run.attributes::text, run.heartbeat::text,
              run.error::text, run.deadline, run.created_at, clock_timestamp()
"""

_CLAIM_ONE = _CLAIM.replace("WHERE state IN", "WHERE id = %s AND state IN", 1)

_END = """
    WITH ended AS (
        UPDATE workflows_run
        SET state = %s, output = %s::jsonb, error = coalesce(%s::jsonb, error),
            compensation_error = %s::jsonb, finished_at = clock_timestamp(),
            wake_at = NULL, worker_id = NULL, lease_until = NULL,
            data = coalesce(%s::jsonb, data), attributes = coalesce(%s::jsonb, attributes)
        WHERE id = %s AND attempt = %s AND state = %s
        RETURNING id, attempt),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, %s, %s::jsonb, attempt FROM ended)
    SELECT id FROM ended
"""

_BLOCK = f"""
    WITH blocked AS (
        UPDATE workflows_run
        SET state = '{RunState.BLOCKED}', error = %s::jsonb, wake_at = NULL, worker_id = NULL,
            lease_until = NULL
        WHERE id = %s AND attempt = %s AND state = '{RunState.RUNNING}'
        RETURNING id, attempt),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.BLOCKED}', jsonb_build_object('error', %s::jsonb), attempt
        FROM blocked)
    SELECT id FROM blocked
"""

_BACK_TO_THE_QUEUE = f"""
        UPDATE workflows_run
        SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                               ELSE '{RunState.PENDING}' END,
            wake_at = clock_timestamp() + pause * interval '1 second',
            worker_id = NULL, lease_until = NULL
        FROM until_then
        WHERE id = %s AND attempt = %s
          AND state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
        RETURNING pause)
    SELECT pause, CASE WHEN pause = 0 THEN pg_notify('{CHANNEL}', '') END FROM released
"""
_RELEASE = f"""
    WITH until_then AS (SELECT 0::float8 AS pause),
    released AS ({_BACK_TO_THE_QUEUE}
"""
# Every claim counts up the attempt and every line names it: what lies between the run's own and the
# newest line's are the drives in a row that have recorded nothing.
_GIVE_BACK = f"""
    WITH fruitless AS (
        SELECT %s - coalesce(max(attempt), 0) - %s AS drives
        FROM workflows_history WHERE run_id = %s),
    until_then AS (
        SELECT CASE WHEN drives <= 0 THEN 0
                    ELSE least(power(2, least(drives, 30) - 1), {LONGEST_PAUSE_SECONDS})
               END::float8 AS pause
        FROM fruitless),
    released AS ({_BACK_TO_THE_QUEUE}
"""

# The lease stays: the drive that failed goes on to compensate.
_BEGIN_COMPENSATION = f"""
    WITH moved AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPENSATING}', error = coalesce(%s::jsonb, error),
            compensation_error = NULL, crashes = 0,
            data = coalesce(%s::jsonb, data), attributes = coalesce(%s::jsonb, attributes)
        WHERE id = %s AND attempt = %s
          AND state IN ('{RunState.RUNNING}', '{RunState.CANCELLING}')
        RETURNING id, attempt),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.COMPENSATION_STARTED}',
               jsonb_build_object('by', '', 'error', %s::jsonb), attempt
        FROM moved)
    SELECT id FROM moved
"""

_HOLD = """
    SELECT state, events FROM workflows_run
    WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling', 'compensating')
"""


def create_run(
    *,
    run_id: uuid.UUID,
    workflow: str,
    version: int,
    key: str | None,
    input: Input,
    deadline_seconds: float | None = None,
    undo_on_cancel: bool = False,
) -> RunView | None:
    """Insert a due run in the caller's transaction and return it. None: the key is taken."""
    params = [run_id, workflow, version, key, *input, deadline_seconds, undo_on_cancel]
    row = query_one(_CREATE, params)
    if row is None:
        return None
    created_at, wake_at, deadline, _ = row
    return fresh_run(
        id=run_id,
        workflow=workflow,
        version=version,
        key=key,
        input=loads(input.defaults) | loads(input.given),
        defaults=loads(input.defaults),
        created_at=created_at,
        wake_at=wake_at,
        deadline=deadline,
    )


def fresh_run(**known: Any) -> RunView:
    """Return the view of a run that nobody has driven yet."""
    return RunView(
        state=RunState.PENDING,
        status="",
        output=None,
        error=None,
        compensation_error=None,
        data={},
        attributes={},
        progress=None,
        heartbeat=None,
        parent_id=None,
        continued_as=None,
        waiting_for=(),
        attempt=0,
        crashes=0,
        started_at=None,
        finished_at=None,
        **known,
    )


def claim_run(
    *,
    worker_id: int | None,
    lease_seconds: float,
    code: Code | None = None,
    only: uuid.UUID | None = None,
) -> ClaimedRun | None:
    """Take the lease of the run that has been due longest; None when none is due.

    code: only of these workflows; None: of any. only: this run or none. One statement, one commit. Runs that others are claiming or sending events to are passed over.
    """
    known = ANY_CODE if code is None else code.params()
    if only is None:
        row = query_one(_CLAIM, [*known, worker_id, lease_seconds])
    else:
        row = query_one(_CLAIM_ONE, [only, *known, worker_id, lease_seconds])
    return None if row is None else ClaimedRun(**dict(zip(_CLAIMED, row, strict=True)))


_CLAIMED = (
    "id",
    "workflow",
    "version",
    "state",
    "attempt",
    "input",
    "defaults",
    "events",
    "data",
    "attributes",
    "heartbeat",
    "error",
    "deadline",
    "created_at",
    "now",
)


def end_run(
    run: ClaimedRun,
    state: RunState,
    *,
    before: RunState,
    output: str | None = None,
    error: str | None = None,
    compensation_error: str | None = None,
    notes: Notes = UNCHANGED,
) -> bool:
    """End the run, and record it. False: another end has won.

    before: the state it ends from. output and errors are JSON texts.
    """
    line = run_ended(state, compensation_error or error)
    values = [state, output, error, compensation_error, *notes]
    held = [run.id, run.attempt, before]
    return query_one(_END, [*values, *held, line.kind, line.data]) is not None


def begin_compensation(run: ClaimedRun, *, error: str | None, notes: Notes = UNCHANGED) -> bool:
    """Turn a run that failed, or is being cancelled, to undoing its steps; the lease stays."""
    params = [error, *notes, run.id, run.attempt, error]
    return query_one(_BEGIN_COMPENSATION, params) is not None


def block_run(run: ClaimedRun, *, error: str) -> bool:
    """Set the run aside until a person or a deploy helps. error is JSON text."""
    return query_one(_BLOCK, [error, run.id, run.attempt, error]) is not None


def release_run(run: ClaimedRun) -> bool:
    """Give the run back to the queue, due now. False when the lease is lost."""
    return query_one(_RELEASE, [run.id, run.attempt]) is not None


def give_back(run: ClaimedRun, *, at_once: int) -> float | None:
    """Give the run back after a drive that the database failed. Returns in how many seconds it is
    due; None: the lease is lost, or the run is being cancelled.

    at_once: so many drives in a row may record nothing without a wait for the next one; from then
    on it waits for a second, and twice as long each time, up to LONGEST_PAUSE_SECONDS.
    """
    row = query_one(_GIVE_BACK, [run.attempt, at_once, run.id, run.id, run.attempt])
    return None if row is None else float(row[0])


def look(run: ClaimedRun) -> tuple[RunState, int] | None:
    """Return the held run's state and event counter; None when the lease is lost."""
    row = query_one(_HOLD, [run.id, run.attempt])
    return None if row is None else (RunState(row[0]), row[1])


def find_by_key(workflow: str, key: str) -> tuple[uuid.UUID, Input] | None:
    """Return id and input of the run that has this key."""
    sql = """
        SELECT id, input::text, defaults::text FROM workflows_run WHERE workflow = %s AND key = %s
    """
    row = query_one(sql, [workflow, key])
    return None if row is None else (row[0], Input(*row[1:]))
