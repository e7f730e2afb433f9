"""Pause and resume: each verb one statement. A trigger turns aside what is to pause (migration 0014)."""

from uuid import UUID

from workflows.core.asked import Asked
from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.states import PAUSABLE_STATES, RunState
from workflows.store.database import query_one
from workflows.store.insert import line
from workflows.store.schema import RING
from workflows.store.statement import NOW, Statement, one_of

_ASKED = {each: f"%({each})s::text" for each in Asked._fields}
_TARGET = """
    target AS (
        SELECT id, state, pausing, waiting_for, due_at_resume FROM workflows_run
        WHERE id = %(run)s FOR NO KEY UPDATE)
"""
# The state is named, so that the trigger looks: what nobody drives is paused at once.
_PAUSE = Statement(
    f"""
    WITH {_TARGET},
    moved AS (
        UPDATE workflows_run AS run SET pausing = true, state = target.state
        FROM target
        WHERE run.id = target.id AND NOT target.pausing
          AND target.state IN {one_of(PAUSABLE_STATES)}
        RETURNING run.id, run.attempt),
    fact AS ({line("moved", HistoryKind.PAUSED, sql_data(HistoryKind.PAUSED, **_ASKED))})
    SELECT EXISTS (SELECT FROM moved) FROM target
    """
)
# An event that it waits for has not woken it: nobody who is paused is.
_DUE = f"""
    CASE WHEN EXISTS (SELECT FROM workflows_event AS event
                      WHERE event.run_id = target.id AND position IS NULL
                        AND event.name = ANY(target.waiting_for))
         THEN {NOW} ELSE target.due_at_resume END
"""
_RESUME = Statement(
    f"""
    WITH {_TARGET},
    due AS (SELECT id, state, pausing, {_DUE} AS at FROM target),
    moved AS (
        UPDATE workflows_run AS run
        SET pausing = false, due_at_resume = NULL,
            state = CASE WHEN due.state <> '{RunState.PAUSED}' THEN run.state
                         WHEN due.at <= {NOW} THEN '{RunState.PENDING}'
                         ELSE '{RunState.WAITING}' END,
            wake_at = CASE WHEN due.state = '{RunState.PAUSED}' THEN due.at ELSE run.wake_at END
        FROM due
        WHERE run.id = due.id AND due.pausing
          AND due.state IN {one_of([RunState.PAUSED, RunState.RUNNING])}
        RETURNING run.id, run.attempt, run.state, run.step_due_at),
    fact AS ({line("moved", HistoryKind.RESUMED, sql_data(HistoryKind.RESUMED, **_ASKED))})
    SELECT EXISTS (SELECT FROM moved),
           (SELECT {RING} FROM moved WHERE state = '{RunState.PENDING}' OR step_due_at IS NOT NULL)
    FROM target
    """
)


def pause_run(run_id: UUID, asked: Asked) -> bool | None:
    """Turn a run aside, at once or at its next operation. False: in another state, or asked already.
    None: no such run."""
    return _sent(_PAUSE, run_id, asked)


def resume_run(run_id: UUID, asked: Asked) -> bool | None:
    """Let a paused run go on: what fell due meanwhile is due now. False: it is not paused. None: no
    such run."""
    return _sent(_RESUME, run_id, asked)


def _sent(statement: Statement, run_id: UUID, asked: Asked) -> bool | None:
    row = query_one(statement, {"run": run_id, **asked._asdict()})
    return None if row is None else bool(row[0])
