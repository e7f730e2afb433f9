"""Many runs at once whose step waits for a slow host: a slot each, in two workers."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction

from bench.database import backends, empty, number
from bench.figures import Aim, Figure
from bench.flows import ask_slow_host, await_slow_host
from bench.lab import WORKERS, Lab
from bench.measures.runs import UNFINISHED
from bench.processes import cpu_seconds, family, memory_mb
from ops.places import PYTHON
from workflows.api import Workflow, start

SECONDS = 10
TOOK = "SELECT extract(epoch FROM max(finished_at) - min(created_at)) FROM workflows_run"
WAITING = "SELECT count(*) FROM workflows_run WHERE state = 'running'"


class Held(NamedTuple):
    """What a cluster holds, in all of its processes."""

    mb: float
    connections: int


class Wave(NamedTuple):
    """How so many runs went that waited at once."""

    runs: int
    idle: Held
    waiting: Held
    seconds: float
    cpu_ms: float
    """Of a run, in the cluster's processes."""


def measure(lab: Lab) -> list[Figure]:
    """Return how long it takes, and what the waiting costs; with plain steps and with async ones."""
    plain = wave(lab, ask_slow_host)
    return [
        *figures("slow_steps", "steps", plain),
        *figures("slow_async_steps", "async steps", wave(lab, await_slow_host)),
    ]


def wave(lab: Lab, workflow: Workflow[..., Any]) -> Wave:
    """Let each slot of a fresh cluster drive a run of this workflow."""
    slots = lab.size(500, 40)
    runs = slots * WORKERS
    with slow_host() as port, cluster_of(lab, slots) as pid:
        empty("workflows_run")
        processes = family(pid)
        idle, began = held(pid), cpu_seconds(processes)
        with transaction.atomic(), connection.cursor() as cursor:
            for _ in range(runs):
                start(workflow, port=port)
            cursor.execute("ANALYZE workflows_run")
        lab.wait_until(lambda: number(WAITING) == runs, f"{runs} steps at once", every=0.1)
        waiting = held(pid)
        lab.wait_until(lambda: number(UNFINISHED) == 0, f"{runs} runs to end", every=0.1)
        cpu = 1000 * (cpu_seconds(processes) - began) / runs
        return Wave(runs, idle, waiting, number(TOOK), cpu)


def held(pid: int) -> Held:
    """Return what the cluster holds just now."""
    return Held(memory_mb(family(pid)), len(backends()))


def figures(name: str, what: str, wave: Wave) -> list[Figure]:
    """Return what a wave has shown."""
    idle, waiting = wave.idle, wave.waiting
    return [
        Figure(
            name=f"{name}_seconds",
            title=f"{what} that wait {SECONDS} s for a host, all done",
            value=wave.seconds,
            unit="s",
            aim=Aim(limit=15),
            note=f"{wave.runs} runs, {WORKERS} workers of {wave.runs // WORKERS} slots",
        ),
        Figure(
            name=f"{name}_added_mb",
            title="memory that they add to an idle cluster",
            value=waiting.mb - idle.mb,
            unit="MB",
            aim=Aim(limit=100),
            note=f"{idle.mb:.0f} before, {waiting.mb:.0f} while all wait",
        ),
        Figure(
            name=f"{name}_connections",
            title="connections while all wait",
            value=waiting.connections,
            unit="connections",
            aim=Aim(limit=30),
            note=f"{idle.connections} before",
        ),
        Figure(
            name=f"{name}_cpu_ms_per_run",
            title="CPU of such a run, in the cluster",
            value=wave.cpu_ms,
            unit="ms",
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
