"""Two schemas of one database, a cluster each, their workers killed in turn. Run by name:

python3 run.py test workflows/tests/crash/soak_two_queues.py -n 0 -s
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from workflows.api import start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, database_url, open_lab, rows
from workflows.tests.cluster.postgres import Postgres, migrate
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, wait_until_all_completed

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

RUNS, KILLS = 100, 20
PATIENCE_SECONDS = 120.0
DRIVERS = "SELECT DISTINCT pid FROM lab_effect"


@contextlib.contextmanager
def schema(name: str) -> Iterator[str]:
    """Let this process use that schema; gives the URL for others."""
    options, path = connection.settings_dict["OPTIONS"], f"-c search_path={name}"
    connection.close()
    connection.settings_dict["OPTIONS"] = {**options, "options": path}
    try:
        yield f"{database_url()}&options=" + path.replace(" ", "%20").replace("=", "%3D")
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = options


@contextlib.contextmanager
def queue_in(name: str, folder: Path) -> Iterator[tuple[Lab, Cluster]]:
    """Have tables, runs and a cluster in a schema."""
    with schema(name) as url:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
        migrate()
        with open_lab(folder) as lab:
            cluster = lab.cluster(workers=3, url=url)
            for _ in range(RUNS):
                start(flows.many_steps, steps=3, seconds=0.2)
            yield lab, cluster.wait_until_ready()


def test_two_schemas_are_two_queues(
    postgres: Postgres,
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
    record_property: Callable[[str, object], None],
) -> None:
    postgres.make_database("test_two_queues")
    chance = random.Random(1)
    with (
        django_db_blocker.unblock(),
        postgres.used("test_two_queues"),
        queue_in("public", tmp_path / "first") as (_, first),
        queue_in("second", tmp_path / "second") as (_, second),
    ):
        for kill in range(KILLS):
            pids = (first, second)[kill % 2].pids("worker")
            os.kill(chance.choice(pids), signal.SIGKILL)
            time.sleep(0.5)
        for name, cluster in (("second", second), ("public", first)):
            with schema(name):
                wait_until_all_completed([cluster], PATIENCE_SECONDS)
                told = report([cluster], f"schema {name}, {KILLS // 2} kills")
                record_property("figure", told)
                assert {pid for (pid,) in rows(DRIVERS)} <= cluster.everybody()
                assert breaches() == {}
    assert "deadlock" not in postgres.words()
