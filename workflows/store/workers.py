"""Who is alive: worker rows, advisory locks, leases, and the runs of the dead.

These statements run on connections of their own (a worker's liveness session, the pusher's), not
on Django's: each takes the connection as its first argument.
"""

from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data, sql_failure
from workflows.core.states import HELD_STATES, RunState
from workflows.store.database import CHANNEL, query
from workflows.store.database import Connection as Connection
from workflows.store.fence import held
from workflows.store.insert import line
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

LOCK_CLASS = 20817
"""First half of the advisory locks by which workers show that they live; the second is the id."""

NOTICE_A_CUT = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, and milliseconds for the last: a network that swallows packets would otherwise keep the
pusher waiting for a quarter of an hour. What the settings say in OPTIONS goes before."""

_LIVING = f"""
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {LOCK_CLASS} AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_COUNT_LIVING = Statement(f"SELECT count(*) FROM ({_LIVING}) AS living")
_LISTEN = Statement(f"LISTEN {CHANNEL}")
_ANSWER = Statement("SELECT 1")
_ENLIST = Statement(
    f"""
    INSERT INTO workflows_worker (started_at, host, pid) VALUES ({NOW}, %s, %s) RETURNING id
    """
)
_SHOW_LIFE = Statement(f"SELECT pg_advisory_lock({LOCK_CLASS}, %s::integer)")
_EXTEND = Statement(
    f"""
    UPDATE workflows_run SET lease_until = {NOW} + %(lease_seconds)s * interval '1 second'
    WHERE {held()}
    """
)

_WHAT_BECAME = f"""
    CASE state WHEN '{RunState.CANCELLED}' THEN '{HistoryKind.RUN_CANCELLED}'
               WHEN '{RunState.BLOCKED}' THEN '{HistoryKind.BLOCKED}'
               WHEN '{RunState.FAILED}' THEN '{HistoryKind.RUN_FAILED}'
               ELSE '{HistoryKind.RECOVERED}' END
"""
_TOLD = """format(
    '%%s workers in a row were lost while driving this run; find out what kills '
    'them, then retry it', lost_in_a_row)"""
_VERDICT = sql_failure(type="'TooManyCrashes'", message=_TOLD)
_GIVEN_UP = [RunState.BLOCKED, RunState.FAILED]
_ENDS = [RunState.CANCELLED, RunState.FAILED]
_OF_WHAT = f"""
    CASE WHEN state IN {one_of(_GIVEN_UP)}
         THEN {sql_data(HistoryKind.BLOCKED, error="verdict")}
         ELSE {sql_data(HistoryKind.RECOVERED, worker="worker_id", crashes="crashes")} END
"""
# A worker takes its lock before its first claim, so a run seen here without one has lost its
# worker. Progress is the newest line about an operation: workers lost beyond it start the count
# of crashes anew, and so does the turn to compensation, whose chances are its own. A worker older
# than the server lost its lock when the server was restarted, which says nothing about the run.
_SWEEP = Statement(
    f"""
    WITH lost AS MATERIALIZED (
        SELECT id, parent_id, state, worker_id, crashes, crash_mark, undo_on_cancel,
               (SELECT coalesce(max(line.id), 0) FROM workflows_history AS line
                WHERE line.run_id = run.id AND line.position IS NOT NULL) AS mark,
               (SELECT started_at < pg_postmaster_start_time() FROM workflows_worker AS worker
                WHERE worker.id = run.worker_id) IS TRUE AS server_restarted
        FROM workflows_run AS run
        WHERE state IN {one_of(HELD_STATES)}
          AND (lease_until < {STATEMENT_TIME}
               -- Without the first half, nobody's runs would be lost as soon as no worker lives.
               OR worker_id IS NOT NULL AND worker_id NOT IN ({_LIVING}))
        ORDER BY id LIMIT 500
        FOR NO KEY UPDATE SKIP LOCKED),
    counted AS (
        SELECT *, CASE WHEN mark = crash_mark THEN crashes ELSE 0 END
                  + CASE WHEN server_restarted THEN 0 ELSE 1 END AS lost_in_a_row
        FROM lost),
    judged AS (
        SELECT id, parent_id, worker_id, mark,
               CASE WHEN state = '{RunState.CANCELLING}' AND undo_on_cancel
                    THEN 0 ELSE lost_in_a_row END AS crashes,
               CASE WHEN state = '{RunState.CANCELLING}' AND undo_on_cancel
                    THEN '{RunState.COMPENSATING}'
                    WHEN state = '{RunState.CANCELLING}' THEN '{RunState.CANCELLED}'
                    WHEN lost_in_a_row < %(max_crashes)s AND state = '{RunState.RUNNING}'
                    THEN '{RunState.PENDING}'
                    WHEN lost_in_a_row < %(max_crashes)s THEN state
                    WHEN state = '{RunState.RUNNING}' THEN '{RunState.BLOCKED}'
                    ELSE '{RunState.FAILED}' END AS next,
               {_VERDICT} AS verdict
        FROM counted),
    -- A child that ends locks its parent. The sweep holds many rows, so it must wait for none: where
    -- somebody has the parent, the child's turn is the next sweep.
    parents AS MATERIALIZED (
        SELECT id FROM workflows_run
        WHERE id IN (SELECT parent_id FROM judged WHERE next IN {one_of(_ENDS)})
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED),
    moved AS (
        UPDATE workflows_run AS run
        SET state = judged.next,
            error = CASE judged.next WHEN '{RunState.BLOCKED}' THEN judged.verdict
                                     ELSE run.error END,
            compensation_error = CASE judged.next WHEN '{RunState.FAILED}' THEN judged.verdict
                                                  ELSE run.compensation_error END,
            finished_at = CASE WHEN judged.next IN {one_of(_ENDS)}
                               THEN {NOW} ELSE run.finished_at END,
            wake_at = CASE WHEN judged.next IN {one_of([RunState.PENDING, RunState.COMPENSATING])}
                           THEN {NOW} END,
            crashes = judged.crashes, crash_mark = judged.mark,
            worker_id = NULL, lease_until = NULL
        FROM judged
        WHERE run.id = judged.id
          AND (judged.next NOT IN {one_of(_ENDS)} OR judged.parent_id IS NULL
               OR judged.parent_id IN (SELECT id FROM parents))
        RETURNING run.id, run.workflow, run.state, run.attempt, judged.verdict,
                  judged.worker_id, judged.crashes),
    facts AS (
        {line("moved", _WHAT_BECAME, _OF_WHAT)})
    SELECT id, workflow, state, CASE WHEN state IN {one_of(_GIVEN_UP)} THEN verdict END FROM moved
    """
)

_FORGET = Statement(
    f"""
    DELETE FROM workflows_worker
    WHERE started_at < {STATEMENT_TIME} - interval '1 minute' AND id NOT IN ({_LIVING})
    RETURNING id, host, pid
    """
)


class Judged(NamedTuple):
    """A run whose worker was lost, and what the sweep made of it."""

    id: UUID
    workflow: str
    state: RunState
    error: dict[str, Any] | None
    """type and message, where the loss was one too many; None where it was not."""


def open_connection(*, listen: bool = False) -> Connection:
    """Open a connection of the engine's own to Django's default database."""
    wanted = {**NOTICE_A_CUT, **connections[DEFAULT_DB_ALIAS].get_connection_params()}
    for owned_by_django in ("context", "cursor_factory", "prepare_threshold", "pool"):
        wanted.pop(owned_by_django, None)
    own: Connection = psycopg.connect(**wanted, autocommit=True, application_name="workflows")
    if listen:
        query(_LISTEN, on=own)
    return own


def enlist(own: Connection, *, host: str, pid: int) -> int:
    """Register a worker and take the lock that shows it lives. Returns its id."""
    [[worker_id]] = query(_ENLIST, [host, pid], on=own)
    query(_SHOW_LIFE, [worker_id], on=own)
    return int(worker_id)


def answers(own: Connection) -> None:
    """Ask for an answer. Raises psycopg.Error where there is none."""
    query(_ANSWER, on=own)


def extend_lease(own: Connection, *, run_id: UUID, attempt: int, lease_seconds: float) -> None:
    """Keep the lease of a run that is still being driven."""
    query(_EXTEND, {"run": run_id, "attempt": attempt, "lease_seconds": lease_seconds}, on=own)


def sweep(own: Connection, *, max_crashes: int) -> list[Judged]:
    """Take runs from workers that are gone: back to the queue, or blocked after too many."""
    rows = query(_SWEEP, {"max_crashes": max_crashes}, on=own)
    return [Judged(run_id, workflow, RunState(now), error) for run_id, workflow, now, error in rows]


def forget_the_dead(own: Connection) -> list[tuple[int, str, int]]:
    """Delete the rows of workers that no longer live. Returns id, host and pid of each."""
    return [(int(i), str(host), int(pid)) for i, host, pid in query(_FORGET, on=own)]


def count_living() -> int:
    """Count the worker processes alive now, over all hosts, on Django's connection."""
    [[living]] = query(_COUNT_LIVING)
    return int(living)
