"""Heartbeats and progress: what a run shows of itself between two lines of history."""

from typing import Any
from uuid import UUID

from workflows.core.beat import sql_beat
from workflows.core.run import ClaimedRun
from workflows.core.states import FORWARD_STATES, RunState
from workflows.store.database import Connection, query_one
from workflows.store.fence import held, holder, still_held, wait_at_most
from workflows.store.sealing import BEAT, sealed_text
from workflows.store.statement import NOW, Statement

LOCK_WAIT_SECONDS = 0.5
"""So long a heartbeat waits for whoever has locked its run's row, the step itself perhaps: those of the
worker's other steps wait behind it."""

_SHOWN = sql_beat(
    position="%(position)s::integer",
    details="%(details)s::jsonb",
    at=NOW,
    reached="%(reached)s::jsonb",
    grew="%(grew)s::integer",
)
_BEAT = Statement(
    f"""
    UPDATE workflows_run
    SET heartbeat = {_SHOWN},
        lease_until = {NOW} + %(lease_seconds)s * interval '1 second'
    WHERE {still_held()} AND {wait_at_most(f"'{LOCK_WAIT_SECONDS}'")}
    RETURNING state
    """
)
_PROGRESS = Statement(
    f"""
    UPDATE workflows_run SET progress = %(progress)s::jsonb
    WHERE {held(FORWARD_STATES)} RETURNING id
    """
)


def beat(
    *,
    run_id: UUID,
    attempt: int,
    position: int,
    details: str,
    lease_seconds: float,
    reached: str = "{}",
    grew: int | None = None,
    on: Connection | None = None,
) -> RunState | None:
    """Show a heartbeat and extend the lease. details and reached are JSON texts. Returns in which state
    the run is held; None: the lease is lost.

    on: a connection of its own, so that it is seen at once; None: Django's, in its transaction.
    """
    params: dict[str, Any] = {"run": run_id, "attempt": attempt, "position": position}
    shown = {"details": details, "reached": reached}
    params |= {name: sealed_text(run_id, name, text, BEAT) for name, text in shown.items()}
    params |= {"lease_seconds": lease_seconds, "grew": grew}
    row = query_one(_BEAT, params, on=on)
    return None if row is None else RunState(row[0])


def show_progress(run: ClaimedRun, text: str) -> bool:
    """Show how far the run is. text is JSON. False: the lease is lost."""
    shown = sealed_text(run.chain_root, "progress", text)
    return query_one(_PROGRESS, holder(run) | {"progress": shown}) is not None
