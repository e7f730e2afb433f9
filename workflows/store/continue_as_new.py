"""continue_as_new: one run ends and its successor begins, in one statement."""

from uuid import UUID

from workflows.core.codec import Input
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import KEEP_NOTES, Notes
from workflows.store.insert import line
from workflows.store.statement import NOW, Statement

# Only if no event has come since the counter was read: this statement would not see it, and it
# would stay behind. The inbox goes along, and with chain_id the name under which a parent waits for the end.
_CONTINUE = Statement(
    f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPLETED}', continued_as = %(new_id)s, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE id = %(run)s AND attempt = %(attempt)s AND state = '{RunState.RUNNING}'
          AND events = %(events)s
        RETURNING *),
    born AS (
        INSERT INTO workflows_run
            (created_at, id, workflow, version, state, status, input, defaults, wake_at, deadline,
             parent_id, parent_position, detached, undo_on_cancel, chain_id, events)
        SELECT {NOW}, continued_as, workflow, %(version)s, '{RunState.PENDING}', status,
               %(input)s::jsonb, %(defaults)s::jsonb, {NOW}, deadline, parent_id, parent_position, detached,
               undo_on_cancel, coalesce(chain_id, id),
               (SELECT count(*) FROM workflows_event
                WHERE run_id = ended.id AND position IS NULL)
        FROM ended
        RETURNING id),
    inbox AS (
        UPDATE workflows_event AS event SET run_id = ended.continued_as
        FROM ended WHERE event.run_id = ended.id AND event.position IS NULL),
    fact AS (
        {line("ended", HistoryKind.CONTINUED, "jsonb_build_object('run', continued_as)")})
    SELECT id, pg_notify('{CHANNEL}', '') FROM born
    """
)


def continue_run(
    run: ClaimedRun, *, new_id: UUID, version: int, input: Input, events: int, notes: Notes
) -> bool:
    """End the run and start the next one of its chain. events: the counter as last read.

    False: an event has come since, the run is being cancelled, or the lease is lost.
    """
    params = {"run": run.id, "attempt": run.attempt, "events": events, **notes.params()}
    params |= {"new_id": new_id, "version": version}
    params |= {"input": input.given, "defaults": input.defaults}
    return query_one(_CONTINUE, params) is not None
