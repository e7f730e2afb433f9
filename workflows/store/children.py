"""Children: start one for a position of its parent, in one statement with the parent's record."""

from uuid import UUID

from workflows.core.codec import Input
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.statement import NOW

# Only a running parent starts children: a cancel that has seen all of them misses none.
_START = Fenced(
    f"""born AS (
        INSERT INTO workflows_run
            (created_at, id, workflow, version, state, status, input, defaults, deadline, wake_at,
             parent_id, parent_position, detached, undo_on_cancel)
        SELECT {NOW}, %(id)s, %(workflow)s, %(version)s, '{RunState.PENDING}', '',
               %(input)s::jsonb, %(defaults)s::jsonb,
               {NOW} + %(deadline_seconds)s::float8 * interval '1 second', {NOW}, fence.id,
               %(position)s, %(detached)s, %(undo_on_cancel)s
        FROM fence WHERE fence.state = '{RunState.RUNNING}'
        RETURNING parent_id, pg_notify('{CHANNEL}', '')),
    {recorded("born", run_id="parent_id")}"""
)


def start_child(
    run: ClaimedRun,
    fact: Fact,
    *,
    child_id: UUID,
    workflow: str,
    version: int,
    input: Input,
    deadline_seconds: float | None,
    detached: bool,
    undo_on_cancel: bool,
    notes: Notes = UNCHANGED,
) -> Written | None:
    """Create the child and record it at the parent's position. None: the lease is lost, or the
    parent is being cancelled."""
    assert fact.position is not None  # noqa: S101 - an operation of the code
    child = {
        "id": child_id,
        "workflow": workflow,
        "version": version,
        "input": input.given,
        "defaults": input.defaults,
        "deadline_seconds": deadline_seconds,
        "detached": detached,
        "undo_on_cancel": undo_on_cancel,
    }
    statement, params = _START.bind(run, child | fact_params(fact), notes=notes)
    return written(query_one(statement, params), fact)
