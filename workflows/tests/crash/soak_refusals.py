"""A database that refuses: read only, full, without room for connections, or stricter than most. Run by
name, a disk that is full as root only:

python3 run.py test workflows/tests/crash/soak_refusals.py -n 0 -s
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from workflows.api import start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, rows
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, said_by, wait_until_all_completed
from workflows.tests.crash.soak_cuts import start_one

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

RUNS, SECONDS = 100, 20.0
PATIENCE_SECONDS = 120.0
Record = Callable[[str, object], None]


def two_clusters(lab: Lab) -> list[Cluster]:
    return [lab.cluster(workers=4).wait_until_ready() for _ in range(2)]


def start_mixed() -> None:
    for number in range(RUNS):
        start_one(number)
    for _ in range(RUNS // 5):
        start(flows.many_steps, steps=4, seconds=0.3)


def finish(clusters: Sequence[Cluster], injected: str, record: Record) -> None:
    wait_until_all_completed(clusters, PATIENCE_SECONDS)
    record("figure", report(clusters, injected))
    assert breaches() == {}
    assert "Traceback" not in said_by(clusters)


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_an_isolation_above_read_committed(
    own_lab: Lab, record_property: Record, level: str
) -> None:
    rows_of(
        f"ALTER DATABASE {connection.settings_dict['NAME']} SET default_transaction_isolation = '{level}'"
    )
    connection.close()
    clusters = two_clusters(own_lab)

    start_mixed()

    finish(clusters, level, record_property)


def test_a_database_that_is_read_only_for_a_while(
    own_lab: Lab, postgres: Postgres, record_property: Record
) -> None:
    clusters = two_clusters(own_lab)
    start_mixed()

    with read_only(postgres):
        time.sleep(SECONDS)

    finish(clusters, f"read only for {SECONDS:g} s", record_property)


def test_a_server_without_room_for_connections(
    own_lab: Lab, postgres: Postgres, record_property: Record
) -> None:
    clusters = two_clusters(own_lab)
    start_mixed()

    with all_connections_taken(postgres):
        time.sleep(SECONDS)

    finish(clusters, f"no connection to be had for {SECONDS:g} s", record_property)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root")
def test_a_disk_that_is_full_for_a_while(
    own_lab: Lab, postgres: Postgres, record_property: Record
) -> None:
    with small_disk(postgres) as disk:
        rows_of(f"CREATE TABLESPACE small LOCATION '{disk}'")
        rows_of("ALTER TABLE workflows_history SET TABLESPACE small")
        clusters = two_clusters(own_lab)
        filling = disk / "filling"

        fill(filling)
        start_mixed()
        time.sleep(SECONDS)
        filling.unlink()

        finish(clusters, f"no room for lines of history for {SECONDS:g} s", record_property)
        own_lab.close()
        rows_of("ALTER TABLE workflows_history SET TABLESPACE pg_default")
        rows_of("DROP TABLESPACE small")


def rows_of(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextlib.contextmanager
def read_only(postgres: Postgres) -> Iterator[None]:
    """Let the server refuse to write, in all its sessions."""
    with psycopg.connect(postgres.server.url, autocommit=True) as own:
        own.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        own.execute("SELECT pg_reload_conf()")
        yield
        own.execute("ALTER SYSTEM RESET default_transaction_read_only")
        own.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def all_connections_taken(postgres: Postgres) -> Iterator[None]:
    """Cut every session, and take all the room before they come back."""
    with contextlib.ExitStack() as held:
        # The last one to come finds the room that is kept for superusers, as we are.
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(psycopg.connect(postgres.server.url, autocommit=True))
        rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(psycopg.connect(postgres.server.url, autocommit=True))
        yield


@contextlib.contextmanager
def small_disk(postgres: Postgres) -> Iterator[Path]:
    disk = postgres.folder / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,mode=0777", "none", disk], check=True)
    try:
        yield folder_of(postgres, disk / "tables")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def folder_of(postgres: Postgres, folder: Path) -> Path:
    """Make a folder that the server may write to."""
    folder.mkdir()
    if (user := postgres.server.user) is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as full:
        while True:
            full.write(b"x" * 4096)
