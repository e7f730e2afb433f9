"""A database of our own on the server that DATABASE_URL names; nothing else there is touched."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

TABLES = """
    CREATE TABLE bench_witness (
        name text NOT NULL, pid integer NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE bench_run (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workflow text NOT NULL,
        version integer NOT NULL, state text NOT NULL, input jsonb NOT NULL, output jsonb,
        wake_at timestamptz, attempt integer NOT NULL DEFAULT 0, worker_id bigint,
        lease_until timestamptz, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz, finished_at timestamptz);
    CREATE INDEX bench_run_due ON bench_run (wake_at) WHERE state = 'pending';
    CREATE TABLE bench_history (
        id bigserial PRIMARY KEY, run_id uuid NOT NULL, position integer NOT NULL,
        kind text NOT NULL, name text NOT NULL, data jsonb NOT NULL, attempt integer NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(), UNIQUE (run_id, position));
"""

BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND pid <> pg_backend_pid()
"""


class Unusable(Exception):
    """The server cannot be measured; the message says what to do."""


@contextlib.contextmanager
def own_database(url: str) -> Iterator[str]:
    """Make a database beside the one the URL names; yield its URL, drop it afterwards."""
    name = f"bench_{os.getpid()}"
    identifier = sql.Identifier(name)
    with maintenance(url) as server:
        try:
            server.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        except psycopg.errors.InsufficientPrivilege:
            raise Unusable(
                "the user of DATABASE_URL may not create databases; ALTER ROLE … CREATEDB, "
                "or measure with `python3 run.py bench`, which brings its own server"
            ) from None
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        connections.close_all()
        with maintenance(url) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def maintenance(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection to the database that DATABASE_URL names. Raises Unusable."""
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise Unusable(f"the server of DATABASE_URL does not answer: {reason}") from None


def prepare() -> None:
    """Make the tables: the site's and the bare loop's."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable")
    with connection.cursor() as cursor:
        cursor.execute(TABLES)


def empty(*tables: str) -> None:
    """Empty these tables, so that each round meets the same."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")


def number(statement: str, parameters: Sequence[str | UUID] = ()) -> float:
    """Return the one number a query yields."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return float(cursor.fetchone()[0])


def backends() -> list[int]:
    """Return the server's processes that serve our database, this connection's left out."""
    with connection.cursor() as cursor:
        cursor.execute(BACKENDS)
        return [int(pid) for (pid,) in cursor.fetchall()]
