"""Many runs at once whose step waits for a slow host: a slot each, in two workers."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from bench.database import backends, empty, number
from bench.figures import Aim, Figure
from bench.flows import ask_slow_host
from bench.lab import WORKERS, Lab
from bench.measures.runs import UNFINISHED
from bench.processes import family, memory_mb
from ops.places import PYTHON
from workflows.api import start

SECONDS = 10
SPARE_CONNECTIONS = 20
TOOK = "SELECT extract(epoch FROM max(finished_at) - min(created_at)) FROM workflows_run"
WAITING = "SELECT count(*) FROM workflows_run WHERE state = 'running'"
ROOM = "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'"


def measure(lab: Lab) -> list[Figure]:
    """Return how long it takes, and what the waiting costs. A slot has a connection, so there are no more
    of them than the server has room for."""
    slots = min(lab.size(500, 40), (int(number(ROOM)) - SPARE_CONNECTIONS) // WORKERS)
    runs = slots * WORKERS
    with slow_host() as port, cluster_of(lab, slots) as pid:
        empty("workflows_run")
        idle, before = memory_mb(family(pid)), len(backends())
        with transaction.atomic(), connection.cursor() as cursor:
            for _ in range(runs):
                start(ask_slow_host, port=port)
            cursor.execute("ANALYZE workflows_run")
        lab.wait_until(lambda: number(WAITING) == runs, f"{runs} steps at once", every=0.1)
        busy, during = memory_mb(family(pid)), len(backends())
        lab.wait_until(lambda: number(UNFINISHED) == 0, f"{runs} runs to end", every=0.1)
        took = number(TOOK)
    note = f"{runs} runs, {WORKERS} workers of {slots} slots, one step of {SECONDS} s each"
    return [
        Figure(
            name="slow_steps_seconds",
            title=f"steps that wait {SECONDS} s for a host, all done",
            value=took,
            unit="s",
            aim=Aim(limit=15),
            note=note,
        ),
        Figure(
            name="slow_steps_added_mb",
            title="memory that they add to an idle cluster",
            value=busy - idle,
            unit="MB",
            aim=Aim(limit=100),
            note=f"{idle:.0f} before, {busy:.0f} while all wait",
        ),
        Figure(
            name="slow_steps_added_connections",
            title="connections that they add",
            value=during - before,
            unit="connections",
            note=f"{before} before, {during} while all wait",
        ),
    ]


@contextmanager
def slow_host() -> Iterator[int]:
    """Run the host; yield its port."""
    command = [str(PYTHON), "-m", "bench.slow_host", str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None  # noqa: S101 - it was asked for
        try:
            yield int(host.stdout.readline())
        finally:
            host.kill()


@contextmanager
def cluster_of(lab: Lab, slots: int) -> Iterator[int]:
    """Run a cluster whose workers have so many slots; yield its pid."""
    lab.stop_cluster()
    os.environ["TOOLSITE_SLOTS"] = str(slots)
    try:
        yield lab.cluster().pid
    finally:
        del os.environ["TOOLSITE_SLOTS"]
        lab.stop_cluster()
