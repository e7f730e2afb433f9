"""Who is alive: worker rows, advisory locks, leases.

These statements run on connections of their own (a worker's liveness session, the pusher's), not
on Django's: each takes the connection as its first argument.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from workflows.core.running_steps import HeldRun
from workflows.core.states import HELD_STATES
from workflows.store import schema
from workflows.store.database import Connection, query
from workflows.store.queue import Code
from workflows.store.schema import LIVING, LOCK_CLASS
from workflows.store.sessions import introduce
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of
from workflows.store.steps_seen import sql_shown, sql_steps, told_of_runs, told_params

OWN_NAME = "workflows"
"""The application_name of sessions that show life and listen; nobody ends them by it."""

NOTICE_A_CUT = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, and milliseconds for the last: a network that swallows packets would otherwise keep the
pusher waiting for a quarter of an hour. What the settings say in OPTIONS goes before."""

_COUNT_LIVING = Statement(f"SELECT count(*) FROM ({LIVING}) AS living")
_ANSWER = Statement("SELECT 1")
_ENLIST = Statement(
    f"""
    INSERT INTO workflows_worker
        (started_at, host, pid, place, cluster_pid, session_name, workflows, versions, slots,
         pools, other_workflows, other_versions)
    VALUES ({NOW}, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
    """
)
_SHOW_LIFE = Statement(f"SELECT pg_try_advisory_lock({LOCK_CLASS}, %s::integer)")
_GIVE_UP_ID = Statement("DELETE FROM workflows_worker WHERE id = %s")
_FREE_ID = Statement(f"SELECT pg_advisory_unlock({LOCK_CLASS}, %s::integer)")
# They hold several rows, so they wait for none: who has one of them locked is at work on it.
_EXTEND = Statement(
    f"""
    WITH free AS MATERIALIZED (
        SELECT run.id FROM workflows_run AS run
        JOIN unnest(%(runs)s::uuid[], %(attempts)s::integer[]) AS held (id, attempt)
             ON held.id = run.id AND held.attempt = run.attempt
        WHERE run.state IN {one_of(HELD_STATES)}
        ORDER BY run.id
        FOR NO KEY UPDATE OF run SKIP LOCKED)
    UPDATE workflows_run AS run
    SET lease_until = {NOW} + %(lease_seconds)s * interval '1 second', worker_id = %(worker_id)s
    FROM free WHERE run.id = free.id
    RETURNING run.id
    """
)
_RENEW = Statement(
    f"""
    WITH free AS MATERIALIZED (
        SELECT run.id, {sql_steps("told.steps")} AS steps
        FROM workflows_run AS run
        JOIN {told_of_runs()} ON told.run_id = run.id AND told.run_attempt = run.attempt
        WHERE run.state IN {one_of(HELD_STATES)} AND run.lease_until IS NOT NULL
        ORDER BY run.id
        FOR NO KEY UPDATE OF run SKIP LOCKED)
    UPDATE workflows_run AS run
    SET lease_until = greatest(lease_until, {NOW} + %(lease_seconds)s * interval '1 second'),
        running_steps = {sql_shown(attempt="run.attempt", steps="free.steps")}
    FROM free WHERE run.id = free.id
    """
)
# Who holds a run that nobody could take yet, since others have locked its row, is still asked how
# it was lost.
_FORGET = Statement(
    f"""
    DELETE FROM workflows_worker AS worker
    WHERE started_at < {STATEMENT_TIME} - interval '1 minute' AND id NOT IN ({LIVING})
      AND NOT EXISTS (SELECT FROM workflows_run AS run
                      WHERE run.worker_id = worker.id AND run.state IN {one_of(HELD_STATES)}
                        AND run.lease_until IS NOT NULL)
    RETURNING id, host, pid, session_name
    """
)


_MISSING = Statement(
    f"""
    SELECT DISTINCT run.worker_id, coalesce(worker.place, ''), coalesce(worker.pid, 0),
                    worker.cluster_pid
    FROM workflows_run AS run LEFT JOIN workflows_worker AS worker ON worker.id = run.worker_id
    WHERE run.state IN {one_of(HELD_STATES)} AND run.lease_until IS NOT NULL
      AND run.worker_id IS NOT NULL AND run.worker_id NOT IN ({LIVING})
    """
)


def open_connection(alias: str = DEFAULT_DB_ALIAS, *, listen: bool = False) -> Connection:
    """Open a connection of the engine's own, a session for as long as it lives. alias: of a database in
    Django's settings to which no pooler stands before."""
    wanted = {**NOTICE_A_CUT, **connections[alias].get_connection_params()}
    for owned_by_django in ("context", "cursor_factory", "prepare_threshold", "pool"):
        wanted.pop(owned_by_django, None)
    own: Connection = psycopg.connect(**wanted, autocommit=True, application_name=OWN_NAME)
    introduce(own, OWN_NAME)
    if listen:
        schema.listen(own)
    return own


class Missing(NamedTuple):
    """A worker that holds a run but not its lock."""

    id: int
    place: str
    """Where its pid means something. Empty: nobody knows."""
    pid: int
    cluster_pid: int | None
    """Of the command that started its cluster; None: nobody knows."""


class Gone(NamedTuple):
    """A worker that lives no more, and whose row is deleted."""

    id: int
    host: str
    pid: int
    session_name: str


def enlist(
    own: Connection,
    *,
    host: str,
    pid: int,
    place: str = "",
    cluster_pid: int | None = None,
    session_name: str = "",
    code: Code | None = None,
    slots: int = 1,
) -> int:
    """Register a worker and take the lock that shows it lives. Returns its id.

    place: where the pids mean something; cluster_pid: of the command that started its cluster;
    session_name: the application_name of its sessions; code: what it can drive. Empty or None: it does
    not say. slots: how many runs at a time. An id whose lock somebody else has, for whatever reason, is left alone.
    """
    said = [
        host,
        pid,
        place,
        cluster_pid,
        session_name,
        *_told(code),
        slots,
        *_told_of_guests(code),
    ]
    while True:
        [[worker_id]] = query(_ENLIST, said, on=own)
        if query(_SHOW_LIFE, [worker_id], on=own) == [(True,)]:
            return int(worker_id)
        query(_GIVE_UP_ID, [worker_id], on=own)


def _told(code: Code | None) -> tuple[Any, Any]:
    return (None, None) if code is None else (code.names, code.versions)


def _told_of_guests(code: Code | None) -> tuple[Any, Any, Any]:
    """Return the pools that are served, and the code that only their steps are driven of."""
    if code is None or code.guests is None:
        return None, None, None
    own = set(zip(code.names, code.versions, strict=True))
    known = zip(code.guests.names, code.guests.versions, strict=True)
    others = [each for each in known if each not in own]
    return code.guests.pools, [name for name, _ in others], [version for _, version in others]


def answers(own: Connection) -> None:
    """Ask for an answer. Raises psycopg.Error where there is none."""
    query(_ANSWER, on=own)


def give_up_id(own: Connection, worker_id: int) -> None:
    """Free the lock of an id that this session has beside another: what is held under it is anybody's."""
    query(_FREE_ID, [worker_id], on=own)


def extend_leases(
    own: Connection, held: Sequence[HeldRun], *, worker_id: int, lease_seconds: float
) -> set[UUID]:
    """Keep the leases of runs that are still being driven, under the worker's id of today: one statement
    for all of them. Returns whose it has kept: not those whose rows others have locked."""
    params = {
        "runs": [run.run_id for run in held],
        "attempts": [run.attempt for run in held],
        "worker_id": worker_id,
        "lease_seconds": lease_seconds,
    }
    return {run_id for (run_id,) in query(_EXTEND, params, on=own)}


def renew_leases(own: Connection, held: Sequence[HeldRun], *, lease_seconds: float) -> None:
    """Extend the leases of runs that living workers hold, and show which steps these are in: one
    statement for all of them."""
    query(_RENEW, told_params(held) | {"lease_seconds": lease_seconds}, on=own)


def missing_workers(own: Connection) -> list[Missing]:
    """Return who holds a run and does not show that it lives."""
    return [Missing(*row) for row in query(_MISSING, on=own)]


def forget_the_dead(own: Connection) -> list[Gone]:
    """Delete the rows of workers that no longer live, and return what they said."""
    return [Gone(*row) for row in query(_FORGET, on=own)]


def living_workers() -> int:
    """Count the worker processes alive now, over all hosts, on Django's connection."""
    [[living]] = query(_COUNT_LIVING)
    return int(living)
