"""A place to start clusters, hurt them, and look at what became of the runs."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections

from workflows.api import RunState, get_run
from workflows.conf import conf

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
SETTINGS = {"poll_seconds": 0.2}
FILLED = {
    "workflows_run",
    "workflows_prunedkey",
    "workflows_chunk",
    "workflows_history",
    "workflows_event",
    "workflows_worker",
    "workflows_limitmoment",
    "workflows_limitrate",
    "workflows_limitsetting",
    "workflows_limitslot",
    "workflows_limitwait",
    "workflows_schedule",
    "workflows_startwindow",
    "workflows_statistic",
    "workflows_statisticmark",
    "django_q_task",
    "django_q_ormq",
    "lab_effect",
}
LIVING = """
    SELECT worker.pid FROM workflows_worker AS worker JOIN pg_locks ON objid = worker.id::oid
    WHERE locktype = 'advisory' AND classid = 20817 AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Lab:
    """The test's database with a table for effects, a folder, and the clusters started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clusters: list[Cluster] = []

    def prepare(self) -> None:
        """Make the database as the tests want it: no runs, a table for effects."""
        assert connection.settings_dict["NAME"].startswith("test_"), "no test database"
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS lab_effect (id bigserial, run_id uuid, name text, "
                "key text, pid integer, at timestamptz DEFAULT clock_timestamp())"
            )
        self.clean()

    def clean(self) -> None:
        """Empty every table that clusters fill; an older release does not have all of them."""
        with connection.cursor() as cursor:
            there = set(connection.introspection.table_names(cursor)) & FILLED
            cursor.execute(f"TRUNCATE {', '.join(sorted(there))}")

    def cluster(
        self,
        *,
        workers: int = 2,
        crashes: bool = False,
        guard_cycle: float = 0.1,
        url: str | None = None,
        kind: "type[Cluster] | None" = None,
        release: str | None = None,
        **settings: float,
    ) -> "Cluster":
        """Start a cluster, without waiting for it.

        release: whose code it has, a module of tests/cluster/releases. settings: of WORKFLOWS.
        """
        folder = self.folder / f"cluster-{len(self.clusters)}"
        for part in ("roles", "calls", "killed"):
            (folder / part).mkdir(parents=True)
        lab = {
            "folder": str(folder),
            "crashes": crashes,
            "guard_cycle": guard_cycle,
            "release": release,
            "workflows": {**SETTINGS, **settings},
        }
        cluster = (kind or Cluster)(folder, url or database_url(), workers, lab)
        self.clusters.append(cluster)
        return cluster

    def gate(self) -> Path:
        """Return a gate that steps wait for until it is opened: touch() opens it."""
        return self.folder / f"gate-{time.monotonic_ns()}"

    def close(self) -> None:
        """End every cluster at once and leave the database empty."""
        for cluster in self.clusters:
            cluster.close()
        self.clean()


class Cluster:
    """One cluster in processes of its own."""

    def __init__(self, folder: Path, url: str, workers: int, lab: dict[str, Any]) -> None:
        self.folder, self.workers = folder, workers
        env = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "workflows.tests.cluster.settings",
            "LAB": json.dumps(lab),
            "PYTHONUNBUFFERED": "1",
            "TOOLSITE_DATA_DIR": str(folder),
            "TOOLSITE_WORKERS": str(workers),
        }
        parent = os.getpid()
        with self.log.open("wb") as out:
            self.main = subprocess.Popen(
                [*self.program(), *self.command()],
                cwd=self.code(),
                env={**env, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )

    def program(self) -> Sequence[str]:
        """Return what is started, in the folder of its code."""
        return [sys.executable, "manage.py"]

    def code(self) -> Path:
        """Return whose manage.py it is."""
        return ROOT

    def command(self) -> Sequence[str]:
        """Return what manage.py is told."""
        return ["runcluster"]

    def environment(self) -> dict[str, str]:
        """Return what else the processes find in their environment."""
        return {}

    @property
    def log(self) -> Path:
        """Where its processes write."""
        return self.folder / "cluster.log"

    def pids(self, role: str | None = None) -> list[int]:
        """Return its living processes: sentinel, worker, pusher, monitor; None: all of these."""
        known = [
            int(path.name)
            for path in (self.folder / "roles").iterdir()
            if role in (None, path.read_text())
        ]
        return [pid for pid in sorted(known) if is_alive(pid)]

    def everybody(self) -> set[int]:
        """Return every process it has ever had."""
        return {int(path.name) for path in (self.folder / "roles").iterdir()}

    def pid(self, role: str) -> int:
        """Return the one process of that role."""
        [pid] = self.pids(role)
        return pid

    def wait_until_ready(self) -> "Cluster":
        """Wait until every worker shows that it lives, and the helpers are there."""
        wait_for(self.is_ready, "a ready cluster", self.words)
        return self

    def is_ready(self) -> bool:
        """Whether all of it is there."""
        helpers = self.pids("pusher") + self.pids("monitor")
        return len(helpers) == 2 and len(self.living()) == self.workers

    def living(self) -> set[int]:
        """Return the workers of this cluster that the database holds to be alive."""
        with connection.cursor() as cursor:
            cursor.execute(LIVING)
            return {pid for (pid,) in cursor.fetchall()} & set(self.pids("worker"))

    def stop(self, how: int = signal.SIGTERM) -> float:
        """Stop it and return how long that took, in seconds."""
        started = time.monotonic()
        self.main.send_signal(how)
        self.main.wait(PATIENCE_SECONDS)
        return time.monotonic() - started

    def words(self) -> str:
        """Return what its processes have written."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """End it at once."""
        if self.main.poll() is None:
            self.main.kill()
            self.main.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.main.pid, signal.SIGKILL)
        wait_for(lambda: self.pids() == [], "the end of a cluster", self.words)


def wait_for(
    condition: Callable[[], object],
    what: str,
    words: Callable[[], str] = str,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Ask until it is so; fail with the logs where it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}\n{words()[-6000:]}")
        time.sleep(0.01)


def wait_for_state(run_id: UUID, state: RunState, cluster: Cluster) -> None:
    """Wait until the run is in this state."""
    wait_for(lambda: get_run(run_id).state == state, f"{state} of {run_id}", cluster.words)


def most_crashes(run_id: UUID) -> int:
    """Return the most crashes in a row that the run ever had: RunView.crashes forgets them."""
    sql = """
        SELECT coalesce(max((data->>'crashes')::integer), 0) FROM workflows_history
        WHERE run_id = %s AND kind = 'recovered'
    """
    return int(rows(sql, run_id)[0][0])


def effects(run_id: UUID) -> list[str]:
    """Return the names of what the run's steps left, in order."""
    return [
        name
        for (name,) in rows("SELECT name FROM lab_effect WHERE run_id = %s ORDER BY id", run_id)
    ]


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def is_pooled() -> bool:
    """Whether a pooler stands between drives and the database."""
    return conf().direct_database != DEFAULT_DB_ALIAS


@contextlib.contextmanager
def past_the_pooler() -> Iterator[None]:
    """Let this process, which cuts sessions inside the block, have one of its own."""
    behind = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(connections[conf().direct_database].settings_dict)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(behind)


def completed(workflow: str) -> int:
    """Count the completed runs of a workflow."""
    counted = "SELECT count(*) FROM workflows_run WHERE workflow = %s AND state = 'completed'"
    return int(rows(counted, workflow)[0][0])


def is_alive(pid: int) -> bool:
    """Whether the process runs: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def database_url() -> str:
    """Return the URL of the database that this test uses."""
    settings = connection.settings_dict
    login = quote(settings["USER"], safe="")
    if settings["PASSWORD"]:
        login += ":" + quote(settings["PASSWORD"], safe="")
    host, port, name = (quote(str(settings[part]), safe="") for part in ("HOST", "PORT", "NAME"))
    where = "&".join([f"host={host}"] * bool(host) + [f"port={port}"] * bool(port))
    return f"postgresql://{login}@/{name}?{where}"


@contextlib.contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """Open a lab, and leave nothing behind."""
    lab = Lab(folder)
    lab.prepare()
    try:
        yield lab
    finally:
        lab.close()


def _die_with(parent: int) -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
