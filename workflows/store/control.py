"""What operators do to runs: each verb one statement, recorded with who and why."""

from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one

# The target is locked first, so that the old state decides and a concurrent claim waits its turn.
_CANCEL = f"""
    WITH target AS (
        SELECT id, state, attempt FROM workflows_run WHERE id = %s FOR NO KEY UPDATE),
    moved AS (
        UPDATE workflows_run AS run
        SET state = CASE target.state WHEN '{RunState.RUNNING}' THEN '{RunState.CANCELLING}'
                                      ELSE '{RunState.CANCELLED}' END,
            finished_at = CASE target.state WHEN '{RunState.RUNNING}' THEN NULL
                                            ELSE clock_timestamp() END,
            wake_at = NULL, waiting_for = '{{}}'
        FROM target
        WHERE run.id = target.id
          AND target.state IN ('{RunState.PENDING}', '{RunState.WAITING}', '{RunState.BLOCKED}',
                               '{RunState.RUNNING}')
        RETURNING run.id, run.state, run.attempt),
    asked AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.CANCEL_REQUESTED}',
               jsonb_build_object('by', %s::text, 'reason', %s::text), attempt
        FROM moved RETURNING run_id),
    ended AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.RUN_CANCELLED}', '{{}}'::jsonb, attempt
        FROM moved JOIN asked ON run_id = id  -- so that the request stands before the end
        WHERE state = '{RunState.CANCELLED}')
    SELECT EXISTS (SELECT FROM moved) FROM target
"""
_WAKE = f"""
    WITH target AS (
        SELECT id, state FROM workflows_run WHERE id = %s FOR NO KEY UPDATE),
    woken AS (
        UPDATE workflows_run AS run
        SET state = CASE target.state WHEN '{RunState.BLOCKED}' THEN '{RunState.PENDING}'
                                      ELSE run.state END,
            wake_at = clock_timestamp(), crashes = 0,
            error = CASE target.state WHEN '{RunState.BLOCKED}' THEN NULL ELSE run.error END
        FROM target
        WHERE run.id = target.id
          AND target.state IN ('{RunState.WAITING}', '{RunState.BLOCKED}')
        RETURNING run.id, run.attempt),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.WOKEN}', jsonb_build_object('by', %s::text), attempt FROM woken)
    SELECT EXISTS (SELECT FROM woken), (SELECT pg_notify('{CHANNEL}', '') FROM woken)
    FROM target
"""


def cancel_run(run_id: UUID, *, reason: str, by: str) -> bool | None:
    """Cancel, or ask the driving worker to. False: over or asked already. None: no such run."""
    row = query_one(_CANCEL, [run_id, by, reason])
    return None if row is None else bool(row[0])


def wake_run(run_id: UUID, *, by: str) -> bool | None:
    """Make a waiting or blocked run due now. False: in another state. None: no such run."""
    row = query_one(_WAKE, [run_id, by])
    return None if row is None else bool(row[0])
