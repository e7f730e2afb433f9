"""A cluster of an older release beside one of this one, both killed, while the migrations arrive. Run by
name; OLDER_RELEASE is a commit of this repository:

OLDER_RELEASE=… python3 run.py test workflows/tests/crash/soak_older_release.py -n 0 -s
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from workflows.api import send_event, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import ROOT, Cluster, Lab, database_url, open_lab, rows
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, said_by, wait_until_all_completed

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.crash,
    pytest.mark.skipif("OLDER_RELEASE" not in os.environ, reason="OLDER_RELEASE names a commit"),
]

RUNS, OF_THE_OLDER, KILLS, HELD = 500, 100, 30, 8
PATIENCE_SECONDS = 180.0
BEGIN = """
from workflows.api import start
from workflows.tests.cluster import flows
for number in range({count}):
    start([flows.waits, flows.three_steps, flows.atomic_steps, flows.sleeps][number % 4])
"""
WAITING = "SELECT id FROM workflows_run WHERE workflow = 'lab.waits' ORDER BY id"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Return a folder with the code of the older release."""
    folder = tmp_path / "older"
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", os.environ["OLDER_RELEASE"]], cwd=ROOT, check=True, capture_output=True
    )
    subprocess.run(["tar", "x", "-C", folder], input=packed.stdout, check=True)
    return folder


def cluster_of(folder: Path) -> type[Cluster]:
    """Return the kind of clusters that run the code there."""

    class Older(Cluster):
        def code(self) -> Path:
            return folder

    return Older


def manage(folder: Path, *words: str) -> None:
    """Run a command of the older release on the database of this test."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "toolsite.tests.settings",
        "TOOLSITE_DATA_DIR": str(folder / "var"),
    }
    subprocess.run([sys.executable, "manage.py", *words], cwd=folder, env=env, check=True)


def kill_one(clusters: list[Cluster], chance: random.Random) -> None:
    pids = [pid for cluster in clusters for pid in cluster.pids("worker")]
    os.kill(chance.choice(pids), signal.SIGKILL)


def test_an_older_cluster_and_a_new_one_share_a_database(
    postgres: Postgres,
    older: Path,
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
    record_property: Callable[[str, object], None],
) -> None:
    postgres.make_database("test_older")
    with django_db_blocker.unblock(), postgres.used("test_older"):
        for app in ("workflows", "django_q"):
            manage(older, "migrate", app, "--verbosity", "0")
        with open_lab(tmp_path) as lab:
            share(lab, older, record_property)
    assert "deadlock" not in postgres.words()


def share(lab: Lab, older: Path, record_property: Callable[[str, object], None]) -> None:
    chance = random.Random(1)
    old = lab.cluster(workers=4, kind=cluster_of(older)).wait_until_ready()
    manage(older, "shell", "-c", BEGIN.format(count=OF_THE_OLDER))
    began = time.monotonic()
    call_command("migrate", "workflows", verbosity=0)
    migrated = time.monotonic() - began
    sides = [old, lab.cluster(workers=4).wait_until_ready()]

    for number in range(RUNS - OF_THE_OLDER - KILLS * HELD):
        start([flows.waits, flows.three_steps, flows.atomic_steps, flows.sleeps][number % 4])
    for kill in range(KILLS):
        gate = lab.gate()
        for number in range(HELD):
            start([flows.held, flows.held_atomic][number % 2], gate=str(gate))
        for (run_id,) in rows(WAITING)[kill::KILLS]:
            send_event(run_id, "word", "hello", key="word")
        time.sleep(0.4)
        if kill % 10 == 9:
            sides[kill % 4 // 2] = killed_and_replaced(lab, sides[kill % 4 // 2])
        kill_one(sides, chance)
        gate.touch()
        time.sleep(0.4)
    wait_until_all_completed(lab.clusters, PATIENCE_SECONDS)

    by = {kind.__name__: driven_by(lab, kind) for kind in (type(old), Cluster)}
    told = report(
        lab.clusters,
        f"{KILLS} kills, 3 of whole clusters, migrated in {migrated:.1f} s, effects left by {by}",
    )
    record_property("figure", told)
    assert min(by.values()) > RUNS / 10
    assert breaches() == {}
    assert "deadlock" not in said_by(lab.clusters)


def killed_and_replaced(lab: Lab, cluster: Cluster) -> Cluster:
    """End a whole cluster, and start another of its kind."""
    cluster.main.kill()
    return lab.cluster(workers=4, kind=type(cluster)).wait_until_ready()


def driven_by(lab: Lab, kind: type[Cluster]) -> int:
    """Return how many effects the processes of all clusters of a kind have left."""
    found = "SELECT count(*) FROM lab_effect WHERE pid = ANY(%s)"
    pids = [pid for each in lab.clusters if type(each) is kind for pid in each.everybody()]
    return int(rows(found, pids)[0][0])
