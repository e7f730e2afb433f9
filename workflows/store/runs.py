"""Runs: create by key, claim a lease, end, release."""

import uuid
from typing import Any

from workflows.core.codec import loads
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, RunView
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one

_CREATE = f"""
    WITH created AS (
        INSERT INTO workflows_run (id, workflow, version, state, status, key, input, wake_at)
        VALUES (%s, %s, %s, '{RunState.PENDING}', '', %s, %s::jsonb, clock_timestamp())
        ON CONFLICT (workflow, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING created_at, wake_at)
    SELECT created_at, wake_at, pg_notify('{CHANNEL}', '') FROM created
"""

# statement_timestamp() bounds the index scan; clock_timestamp() is volatile and cannot.
# NO KEY UPDATE lets through the foreign keys' share locks of senders.
_CLAIM = f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM workflows_run
        WHERE state IN ('{RunState.PENDING}', '{RunState.WAITING}')
          AND wake_at <= statement_timestamp()
        ORDER BY wake_at LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE workflows_run AS run
    SET state = '{RunState.RUNNING}', attempt = run.attempt + 1, worker_id = %s,
        lease_until = clock_timestamp() + %s * interval '1 second', wake_at = NULL,
        waiting_for = '{{}}', started_at = coalesce(run.started_at, clock_timestamp())
    FROM due WHERE run.id = due.id
    RETURNING run.id, run.workflow, run.version, run.attempt, run.input::text, run.events,
              run.created_at, clock_timestamp()
"""

_END = """
    WITH ended AS (
        UPDATE workflows_run
        SET state = %s, output = %s::jsonb, error = %s::jsonb, finished_at = clock_timestamp(),
            wake_at = NULL, worker_id = NULL, lease_until = NULL
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

_RELEASE = f"""
    WITH released AS (
        UPDATE workflows_run
        SET state = '{RunState.PENDING}', wake_at = clock_timestamp(), worker_id = NULL,
            lease_until = NULL
        WHERE id = %s AND attempt = %s AND state = '{RunState.RUNNING}'
        RETURNING id)
    SELECT id, pg_notify('{CHANNEL}', '') FROM released
"""

_HOLD = """
    SELECT state, events FROM workflows_run
    WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling')
"""

_ENDINGS = {
    RunState.COMPLETED: (RunState.RUNNING, HistoryKind.RUN_COMPLETED),
    RunState.FAILED: (RunState.RUNNING, HistoryKind.RUN_FAILED),
    RunState.CANCELLED: (RunState.CANCELLING, HistoryKind.RUN_CANCELLED),
}


def create_run(
    *, run_id: uuid.UUID, workflow: str, version: int, key: str | None, input_text: str
) -> RunView | None:
    """Insert a due run in the caller's transaction and return it. None: the key is taken."""
    row = query_one(_CREATE, [run_id, workflow, version, key, input_text])
    if row is None:
        return None
    return RunView(
        id=run_id,
        workflow=workflow,
        version=version,
        state=RunState.PENDING,
        status="",
        key=key,
        input=loads(input_text),
        output=None,
        error=None,
        wake_at=row[1],
        waiting_for=(),
        attempt=0,
        crashes=0,
        created_at=row[0],
        started_at=None,
        finished_at=None,
    )


def claim_run(*, worker_id: int | None, lease_seconds: float) -> ClaimedRun | None:
    """Take the lease of the run that has been due longest; None when none is due.

    One statement, one commit. Runs that others are claiming or sending events to are passed over.
    """
    row = query_one(_CLAIM, [worker_id, lease_seconds])
    if row is None:
        return None
    names = ("id", "workflow", "version", "attempt", "input", "events", "created_at", "now")
    return ClaimedRun(**dict(zip(names, row, strict=True)))


def end_run(
    run: ClaimedRun, state: RunState, *, output: str | None = None, error: str | None = None
) -> bool:
    """End the run and record it. False: the lease is lost, or another end has won.

    output and error are JSON texts.
    """
    before, kind = _ENDINGS[state]
    data = "{}" if error is None else f'{{"error": {error}}}'
    row = query_one(_END, [state, output, error, run.id, run.attempt, before, kind, data])
    return row is not None


def block_run(run: ClaimedRun, *, error: str) -> bool:
    """Set the run aside until a person or a deploy helps. error is JSON text."""
    return query_one(_BLOCK, [error, run.id, run.attempt, error]) is not None


def release_run(run: ClaimedRun) -> bool:
    """Give the run back to the queue, due now. False when the lease is lost."""
    return query_one(_RELEASE, [run.id, run.attempt]) is not None


def look(run: ClaimedRun) -> tuple[RunState, int] | None:
    """Return the held run's state and event counter; None when the lease is lost."""
    row = query_one(_HOLD, [run.id, run.attempt])
    return None if row is None else (RunState(row[0]), row[1])


def find_by_key(workflow: str, key: str) -> tuple[uuid.UUID, Any] | None:
    """Return id and input text of the run that has this key."""
    sql = "SELECT id, input::text FROM workflows_run WHERE workflow = %s AND key = %s"
    row = query_one(sql, [workflow, key])
    return None if row is None else (row[0], row[1])
