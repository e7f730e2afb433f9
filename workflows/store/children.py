"""Children: start one for a position of its parent, in one statement with the parent's record."""

from uuid import UUID

from workflows.core.codec import Input
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, written

# Only a running parent starts children: a cancel that has seen all of them misses none.
_START = Fenced(
    f""", born AS (
        INSERT INTO workflows_run
            (id, workflow, version, state, status, input, defaults, deadline, wake_at, parent_id,
             parent_position, detached, undo_on_cancel)
        SELECT %s, %s, %s, '{RunState.PENDING}', '', %s::jsonb, %s::jsonb,
               clock_timestamp() + %s::float8 * interval '1 second', clock_timestamp(), fence.id,
               %s, %s, %s
        FROM fence WHERE fence.state = '{RunState.RUNNING}'
        RETURNING parent_id, pg_notify('{CHANNEL}', '')),
    fact AS (
        INSERT INTO workflows_history (run_id, position, kind, name, data, attempt)
        SELECT parent_id, %s, '{HistoryKind.CHILD_STARTED}', %s, %s::jsonb, %s FROM born
        RETURNING id, at, data)
    SELECT fence.state, fence.events, fact.id, fact.at, fact.data::text FROM fence, fact"""
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
    what = [child_id, workflow, version, *input, deadline_seconds]
    child = [*what, fact.position, detached, undo_on_cancel]
    line = [fact.position, fact.name, fact.data, run.attempt]
    sql, params = _START.bind(run, [*child, *line], notes=notes)
    return written(query_one(sql, params), fact)
