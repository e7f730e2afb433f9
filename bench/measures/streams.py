"""Steps that emit fifty chunks a second each, and a reader: what that costs, beside steps that only wait."""

import time
from typing import NamedTuple

from django.db import connection, transaction

from bench.database import backends, empty, number
from bench.figures import Aim, Figure, quantile
from bench.flows import talking
from bench.lab import WORKERS, Lab
from bench.measures.runs import UNFINISHED
from bench.measures.slow_steps import WAITING, cluster_of
from bench.processes import cpu_seconds, family
from workflows.api import RunView, read_stream, start

RUNS = 20
A_SECOND = 50
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
SETTLE_SECONDS = 2.0
"""A session tells its commits a second late."""


class Heard(NamedTuple):
    """What so many streams cost, a second."""

    cluster_ms: float
    server_ms: float
    commits: float
    late_ms: list[float]
    """How late a reader hears each chunk of one of them."""


def measure(lab: Lab) -> list[Figure]:
    """Return what the streams add."""
    seconds = lab.size(20, 4)
    with cluster_of(lab, RUNS // WORKERS) as pid:
        silent = hear(lab, pid, seconds, is_heard=False)
        loud = hear(lab, pid, seconds, is_heard=True)
    chunks = RUNS * A_SECOND
    note = f"{RUNS} steps, {A_SECOND} chunks a second each, {WORKERS} workers"
    return [
        Figure(
            name="streams_cluster_cpu",
            title="CPU that streams add in the cluster",
            value=(loud.cluster_ms - silent.cluster_ms) / 10,
            unit="% of a core",
            aim=Aim(limit=30),
            note=f"{note}; {1000 * (loud.cluster_ms - silent.cluster_ms) / chunks:.0f} us a chunk",
        ),
        Figure(
            name="streams_server_cpu",
            title="and in PostgreSQL",
            value=(loud.server_ms - silent.server_ms) / 10,
            unit="% of a core",
            aim=Aim(limit=20),
            note="its sessions",
        ),
        Figure(
            name="streams_commits",
            title="commits that they add",
            value=loud.commits - silent.commits,
            unit="commits/s",
            aim=Aim(limit=WORKERS * 10 + 15),
            note=f"for {chunks:,} chunks/s; {silent.commits:.0f} without, a reader's looks included",
        ),
        Figure(
            name="streams_late_p50_ms",
            title="a reader hears a chunk",
            value=quantile(loud.late_ms, 0.5),
            unit="ms late",
            aim=Aim(limit=250),
            note=f"p99 {quantile(loud.late_ms, 0.99):.0f} ms, of {len(loud.late_ms)}",
        ),
    ]


def hear(lab: Lab, pid: int, seconds: int, *, is_heard: bool) -> Heard:
    """Let the streams flow, and read one of them."""
    empty("workflows_run")
    with transaction.atomic():
        runs = [
            start(talking, seconds=seconds, a_second=A_SECOND, is_heard=is_heard)
            for _ in range(RUNS)
        ]
    lab.wait_until(lambda: number(WAITING) == RUNS, "all steps at once", every=0.05)
    commits, processes = number(COMMITS), family(pid)
    began, cluster, server = time.monotonic(), cpu_seconds(processes), cpu_seconds(backends())
    late_ms = listen(runs[0], seconds)
    took = time.monotonic() - began
    cluster, server = cpu_seconds(processes) - cluster, cpu_seconds(backends()) - server
    lab.wait_until(lambda: number(UNFINISHED) == 0, "the end of all", every=0.1)
    time.sleep(SETTLE_SECONDS)
    connection.close()
    commits = number(COMMITS) - commits
    return Heard(1000 * cluster / took, 1000 * server / took, commits / took, late_ms)


def listen(run: RunView, seconds: int) -> list[float]:
    """Return how late each chunk came."""
    heard = read_stream(run, timeout_seconds=seconds - 1)
    return [1000 * (time.time() - chunk.value) for chunk in heard]
