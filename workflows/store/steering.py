"""What operators do to runs: each verb one statement, recorded with who and why."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.asked import Asked
from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.states import CANCELLABLE_STATES, UNDOABLE_STATES, RunState
from workflows.store.database import query, query_one
from workflows.store.fence import WAITS_BRIEFLY
from workflows.store.insert import line
from workflows.store.schema import RING
from workflows.store.statement import NOW, Statement, one_of

_ASKED = {each: f"%({each})s::text" for each in Asked._fields}
_BY_AND_WHY = sql_data(HistoryKind.CANCEL_REQUESTED, **_ASKED)
_BY_AND_ERROR = sql_data(HistoryKind.COMPENSATION_STARTED, **_ASKED, error="error")
# Joined, so that the request stands before what came of it.
_MOVED_ON = f"moved JOIN asked ON run_id = id WHERE state <> '{RunState.CANCELLING}'"
_END_OR_TURN = f"""
    CASE state WHEN '{RunState.CANCELLED}' THEN '{HistoryKind.RUN_CANCELLED}'
               ELSE '{HistoryKind.COMPENSATION_STARTED}' END
"""
# The target is locked first, so that the old state decides and a concurrent claim waits its turn.
_CANCEL = Statement(
    f"""
    WITH target AS (
        SELECT id, workflow, state, undo_on_cancel FROM workflows_run WHERE id = %(run)s FOR NO KEY UPDATE),
    moved AS (
        UPDATE workflows_run AS run
        SET state = CASE WHEN target.state = '{RunState.RUNNING}' THEN '{RunState.CANCELLING}'
                         WHEN target.undo_on_cancel THEN '{RunState.COMPENSATING}'
                         ELSE '{RunState.CANCELLED}' END,
            finished_at = CASE WHEN target.state <> '{RunState.RUNNING}'
                                    AND NOT target.undo_on_cancel THEN {NOW} END,
            wake_at = CASE WHEN target.state <> '{RunState.RUNNING}' AND target.undo_on_cancel
                           THEN {NOW} END,
            crashes = CASE WHEN target.state <> '{RunState.RUNNING}' AND target.undo_on_cancel
                           THEN 0 ELSE run.crashes END,
            waiting_for = '{{}}', step_pool = '', step_due_at = NULL
        FROM target
        WHERE run.id = target.id
          AND target.state IN {one_of(CANCELLABLE_STATES)}
        RETURNING run.id, run.state, run.attempt),
    asked AS (
        {line("moved", HistoryKind.CANCEL_REQUESTED, _BY_AND_WHY)}
        RETURNING run_id),
    went_on AS (
        {line(_MOVED_ON, _END_OR_TURN)})
    SELECT workflow, (SELECT state FROM moved),
           (SELECT {RING} FROM moved WHERE state = '{RunState.COMPENSATING}')
    FROM target
    """
)
_COMPENSATE = Statement(
    f"""
    WITH target AS (
        SELECT id, state FROM workflows_run WHERE id = %(run)s FOR NO KEY UPDATE),
    moved AS (
        UPDATE workflows_run AS run
        SET state = '{RunState.COMPENSATING}', wake_at = {NOW}, finished_at = NULL,
            compensation_error = NULL, crashes = 0
        FROM target
        WHERE run.id = target.id
          AND target.state IN {one_of(UNDOABLE_STATES)}
        RETURNING run.id, run.attempt, run.error),
    fact AS (
        {line("moved", HistoryKind.COMPENSATION_STARTED, _BY_AND_ERROR)})
    SELECT EXISTS (SELECT FROM moved), (SELECT {RING} FROM moved) FROM target
    """
)
# One lock order for all who lock several runs: a child before its parent, since a child that ends
# locks its own row and then, by the trigger, its parent's. So a cancel locks the whole tree from its
# leaves to the run itself before it changes any of it.
_TREE = f"""
    WITH RECURSIVE tree AS (
        SELECT id, 0 AS depth FROM workflows_run WHERE id = %(run)s
        UNION ALL
        SELECT child.id, tree.depth + 1
        FROM workflows_run AS child JOIN tree ON child.parent_id = tree.id
        WHERE NOT child.detached
          AND child.state IN {one_of(CANCELLABLE_STATES | {RunState.CANCELLING})})
"""
_LOCK_TREE = Statement(
    f"""
    {_TREE} SELECT run.id, depth FROM workflows_run AS run JOIN tree ON tree.id = run.id
    WHERE NOT %(in_drive)s OR {WAITS_BRIEFLY}
    ORDER BY depth DESC, run.id FOR NO KEY UPDATE OF run
    """
)
# Parents are locked by now: to wait for one of their children would be the other order.
_LOCK_REST = Statement(
    f"""
    {_TREE},
    rest AS (SELECT id, depth FROM tree WHERE NOT id = ANY(%(locked)s)),
    free AS MATERIALIZED (
        SELECT run.id FROM workflows_run AS run JOIN rest ON rest.id = run.id
        FOR NO KEY UPDATE OF run SKIP LOCKED)
    SELECT rest.id, depth, free.id IS NOT NULL FROM rest LEFT JOIN free ON free.id = rest.id
    """
)
_WAKE = Statement(
    f"""
    WITH target AS (
        SELECT id, state FROM workflows_run WHERE id = %(run)s FOR NO KEY UPDATE),
    woken AS (
        UPDATE workflows_run AS run
        SET state = CASE target.state WHEN '{RunState.BLOCKED}' THEN '{RunState.PENDING}'
                                      ELSE run.state END,
            wake_at = {NOW}, step_pool = '', step_due_at = NULL, crashes = 0, pausing = false,
            error = CASE target.state WHEN '{RunState.BLOCKED}' THEN NULL ELSE run.error END
        FROM target
        WHERE run.id = target.id
          AND (target.state IN {one_of([RunState.WAITING, RunState.BLOCKED])}
               OR target.state = '{RunState.PENDING}' AND run.wake_at > {NOW}
               OR target.state = '{RunState.COMPENSATING}' AND run.lease_until IS NULL)
        RETURNING run.id, run.attempt),
    fact AS (
        {line("woken", HistoryKind.WOKEN, _BY_AND_WHY)})
    SELECT EXISTS (SELECT FROM woken), (SELECT {RING} FROM woken)
    FROM target
    """
)


class Cancel(NamedTuple):
    """What became of a request to cancel a run."""

    workflow: str
    now: RunState | None
    """The state it is in now; None: it was over or asked already."""


def lock_tree(run_id: UUID, *, in_drive: bool = False) -> list[UUID] | None:
    """Lock the run, and the children and theirs that still go and are not detached. Returns the
    children, the deepest first.

    None: a child was born meanwhile, and somebody holds it; let go of all locks and try again.
    in_drive: the transaction is a drive's own, and waits for locks a short while only.
    """
    depths: dict[UUID, int] = dict(query(_LOCK_TREE, {"run": run_id, "in_drive": in_drive}))
    while late := query(_LOCK_REST, {"run": run_id, "locked": list(depths)}):
        if not all(locked for _, _, locked in late):
            return None
        depths.update((child, depth) for child, depth, _ in late)
    depths.pop(run_id, None)
    return sorted(depths, key=lambda child: (-depths[child], child))


def cancel_run(run_id: UUID, **asked: str) -> Cancel | None:
    """Cancel, or ask the driving worker to. None: no such run."""
    row = query_one(_CANCEL, _params(run_id, asked))
    if row is None:
        return None
    return Cancel(row[0], None if row[1] is None else RunState(row[1]))


def wake_run(run_id: UUID, **asked: str) -> bool | None:
    """Make a waiting or blocked run due now. False: in another state. None: no such run."""
    row = query_one(_WAKE, _params(run_id, asked))
    return None if row is None else bool(row[0])


def compensate_run(run_id: UUID, **asked: str) -> bool | None:
    """Let a failed or cancelled run undo its steps. False: in another state. None: no such run."""
    row = query_one(_COMPENSATE, _params(run_id, asked))
    return None if row is None else bool(row[0])


def _params(run_id: UUID, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what the statements above take. asked: as in Asked, what nobody said may be left out."""
    return {"run": run_id, **Asked(**asked)._asdict()}
