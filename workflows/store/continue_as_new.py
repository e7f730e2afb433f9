"""continue_as_new: one run ends and its successor begins, in one statement."""

from uuid import UUID

from workflows.core.codec import Input
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import Notes

# Only if no event has come since the counter was read: this statement would not see it, and it
# would stay behind. The inbox goes along, and with chain_id the name under which a parent waits for the end.
_CONTINUE = f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPLETED}', continued_as = %s, finished_at = clock_timestamp(),
            wake_at = NULL, worker_id = NULL, lease_until = NULL,
            data = coalesce(%s::jsonb, data), attributes = coalesce(%s::jsonb, attributes)
        WHERE id = %s AND attempt = %s AND state = '{RunState.RUNNING}' AND events = %s
        RETURNING *),
    born AS (
        INSERT INTO workflows_run
            (id, workflow, version, state, status, input, defaults, wake_at, deadline, parent_id,
             parent_position, detached, undo_on_cancel, chain_id, events)
        SELECT continued_as, workflow, %s, '{RunState.PENDING}', status, %s::jsonb, %s::jsonb,
               clock_timestamp(), deadline, parent_id, parent_position, detached,
               undo_on_cancel, coalesce(chain_id, id),
               (SELECT count(*) FROM workflows_event
                WHERE run_id = ended.id AND position IS NULL)
        FROM ended
        RETURNING id),
    inbox AS (
        UPDATE workflows_event AS event SET run_id = ended.continued_as
        FROM ended WHERE event.run_id = ended.id AND event.position IS NULL),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, data, attempt)
        SELECT id, '{HistoryKind.CONTINUED}', jsonb_build_object('run', continued_as), attempt
        FROM ended)
    SELECT id, pg_notify('{CHANNEL}', '') FROM born
"""


def continue_run(
    run: ClaimedRun, *, new_id: UUID, version: int, input: Input, events: int, notes: Notes
) -> bool:
    """End the run and start the next one of its chain. events: the counter as last read.

    False: an event has come since, the run is being cancelled, or the lease is lost.
    """
    params = [new_id, *notes, run.id, run.attempt, events, version, *input]
    return query_one(_CONTINUE, params) is not None
