"""Children: start one for a position of its parent, in one statement with the parent's record."""

from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import FINAL_STATES, RunState
from workflows.store.database import CHANNEL, query, query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.steps import Written, written

_START = Fenced(
    f""", born AS (
        INSERT INTO workflows_run
            (id, workflow, version, state, status, input, wake_at, parent_id, parent_position,
             detached, undo_on_cancel)
        SELECT %s, %s, %s, '{RunState.PENDING}', '', %s::jsonb, clock_timestamp(), fence.id, %s,
               %s, %s
        FROM fence
        RETURNING parent_id, pg_notify('{CHANNEL}', '')),
    fact AS (
        INSERT INTO workflows_history (run_id, position, kind, name, data, attempt)
        SELECT parent_id, %s, '{HistoryKind.CHILD_STARTED}', %s, %s::jsonb, %s FROM born
        RETURNING id, at, data)
    SELECT fence.state, fence.events, fact.id, fact.at, fact.data::text FROM fence, fact"""
)
_OPEN = """
    SELECT count(*) FROM workflows_run
    WHERE parent_id = %s AND NOT detached AND NOT state = ANY(%s)
"""


def start_child(
    run: ClaimedRun,
    fact: Fact,
    *,
    child_id: UUID,
    workflow: str,
    version: int,
    input_text: str,
    detached: bool,
    undo_on_cancel: bool,
    notes: Notes = UNCHANGED,
) -> Written | None:
    """Create the child and record it at the parent's position. None: the lease is lost."""
    assert fact.position is not None  # noqa: S101 - an operation of the code
    child = [child_id, workflow, version, input_text, fact.position, detached, undo_on_cancel]
    line = [fact.position, fact.name, fact.data, run.attempt]
    sql, params = _START.bind(run, [*child, *line], notes=notes)
    return written(query_one(sql, params), fact)


def has_open_children(run_id: UUID) -> bool:
    """Say whether a child that is not detached still goes."""
    rows = query(_OPEN, [run_id, [state.value for state in FINAL_STATES]])
    return bool(rows[0][0])
