"""Debounced and throttled starts: the row of a key, locked to the caller's commit, and its waiting run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.core.run import NewRun
from workflows.core.start_window import OpenWindow
from workflows.core.states import RunState
from workflows.store import insert
from workflows.store.database import Connection, query, query_one
from workflows.store.schema import RING, SOON
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

IDLE_SECONDS = 3600
"""So long a row is kept that says nothing any more."""

_OPEN = Statement(
    f"""
    INSERT INTO workflows_startwindow AS known (workflow, kind, key, first_at, kept_until)
    VALUES (%(workflow)s, %(kind)s, %(key)s, {NOW}, {NOW})
    ON CONFLICT (workflow, kind, key) DO UPDATE SET key = known.key
    RETURNING run_id, first_at, due_at, {NOW}
    """
)
# Once it has been claimed it is another's: its code may have read the input. One that was paused before
# it began is waiting when it is resumed, until its time comes.
_NOT_BEGUN = one_of([RunState.PENDING, RunState.PAUSED, RunState.WAITING])
_WAITS = f"state IN {_NOT_BEGUN} AND attempt = 0 AND lease_until IS NULL"
_REPLACE = Statement(
    f"""
    WITH replaced AS (
        UPDATE workflows_run
        SET input = %(input)s::jsonb, defaults = %(defaults)s::jsonb, version = %(version)s,
            undo_on_cancel = %(undo_on_cancel)s, max_crashes = %(max_crashes)s,
            wake_at = CASE WHEN state = '{RunState.PAUSED}' THEN NULL ELSE %(due)s END,
            due_at_resume = CASE WHEN state = '{RunState.PAUSED}' THEN %(due)s END,
            deadline = %(due)s + %(deadline_seconds)s::float8 * interval '1 second',
            deadline_seconds = %(deadline_seconds)s::float8
        WHERE id = %(run)s AND {_WAITS}
        RETURNING id, wake_at)
    SELECT id, CASE WHEN {SOON} THEN {RING} END FROM replaced
    """
)
_KEEP = Statement(
    """
    UPDATE workflows_startwindow
    SET run_id = %(run)s, first_at = %(first_at)s, due_at = %(due)s, kept_until = %(kept_until)s
    WHERE workflow = %(workflow)s AND kind = %(kind)s AND key = %(key)s
    """
)
_FORGET = Statement(
    f"""
    DELETE FROM workflows_startwindow WHERE id IN (
        SELECT id FROM workflows_startwindow AS known
        WHERE kept_until < {STATEMENT_TIME} - interval '{IDLE_SECONDS} seconds'
          AND NOT EXISTS (SELECT FROM workflows_run WHERE id = known.run_id AND {_WAITS})
        LIMIT 1000 FOR UPDATE OF known SKIP LOCKED)
    """
)


def open_window(workflow: str, kind: str, key: str) -> OpenWindow:
    """Return what is known of the key; nobody else starts by it before the caller's transaction ends."""
    row = query_one(_OPEN, {"workflow": workflow, "kind": kind, "key": key})
    assert row is not None  # noqa: S101 - the row is there, or made
    run_id, first_at, due_at, now = row
    return OpenWindow(run_id=run_id, first_at=first_at, due_at=due_at, now=now)


def replace_input(run_id: UUID, new: NewRun, due: datetime) -> bool:
    """Let a run that waits to begin have another's input, and be due then. False: it has begun."""
    params = insert.new_run_params(new, owner=run_id) | {"run": run_id, "due": due}
    return query_one(_REPLACE, params) is not None


def keep(workflow: str, kind: str, key: str, **told: Any) -> None:
    """Write down which run stands for the key: run, first_at, due, kept_until."""
    query(_KEEP, {"workflow": workflow, "kind": kind, "key": key, **told})


def forget_idle(on: Connection | None = None) -> None:
    """Forget keys by which nobody has started anything in a long while."""
    query(_FORGET, on=on)
