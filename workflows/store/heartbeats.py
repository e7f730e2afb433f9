"""Heartbeats and progress: what a run shows of itself between two lines of history."""

from typing import Any

from workflows.core.run import ClaimedRun
from workflows.store.database import Connection, query, query_one
from workflows.store.statement import NOW, Statement
from workflows.store.workers import open_connection

_BEAT = Statement(
    f"""
    UPDATE workflows_run
    SET heartbeat = jsonb_build_object('position', %s::integer, 'details', %s::jsonb,
                                       'at', {NOW}),
        lease_until = {NOW} + %s * interval '1 second'
    WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling', 'compensating')
    RETURNING id
    """
)
_PROGRESS = Statement(
    """
    UPDATE workflows_run SET progress = %s::jsonb
    WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling') RETURNING id
    """
)
# A step that has locked its own run's row would wait for itself.
_WAIT_NOT_FOR_EVER = Statement("SET lock_timeout = '5s'")


def open_for_beats() -> Connection:
    """Open a connection for the heartbeats of one step."""
    own = open_connection()
    query(_WAIT_NOT_FOR_EVER, on=own)
    return own


def beat(own: Connection, values: list[Any]) -> bool:
    """Show a heartbeat (position, details as JSON text, lease seconds, run id, attempt) and extend
    the lease, on a connection of its own. False: the lease is lost."""
    return query_one(_BEAT, values, on=own) is not None


def beat_here(values: list[Any]) -> bool:
    """The same on Django's connection, in its transaction."""
    return query_one(_BEAT, values) is not None


def show_progress(run: ClaimedRun, text: str) -> bool:
    """Show how far the run is. text is JSON. False: the lease is lost."""
    return query_one(_PROGRESS, [text, run.id, run.attempt]) is not None
