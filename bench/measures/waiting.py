"""What 10,000 waiting runs add to an idle cluster: threads, connections, CPU."""

import time
from dataclasses import dataclass

from django.db import connection, transaction

from bench.database import backends, empty, number
from bench.figures import Aim, Figure
from bench.flows import wait_for_event
from bench.lab import Lab
from bench.measures.events import WAITING
from bench.measures.runs import warm_up
from bench.processes import cpu_seconds, family, threads
from workflows.api import start

SETTLE_SECONDS = 3


@dataclass(frozen=True)
class Idle:
    """An idle cluster, watched for a while."""

    threads: int
    connections: int
    cpu_percent: float
    """Of one core: the cluster's processes and the server's processes that serve it."""


def measure(lab: Lab) -> list[Figure]:
    """Return what the waiting runs add."""
    runs, seconds = lab.size(10_000, 1_000), lab.size(20, 3)
    warm_up(lab)
    cluster = lab.cluster()
    empty("workflows_run")
    before = watch(cluster.pid, seconds)
    with transaction.atomic():
        for _ in range(runs):
            start(wait_for_event, timeout_seconds=3600.0)
    lab.wait_until(lambda: number(WAITING) == runs, f"{runs} runs to wait", every=0.2)
    after = watch(cluster.pid, seconds)
    empty("workflows_run")
    note = f"{{:g}} before, {{:g}} with {runs:,} waiting runs, {seconds} s each"
    return [
        Figure(
            name=f"waiting_added_{name}",
            title=f"{runs:,} waiting runs add, {name.replace('_', ' ')}",
            value=round(getattr(after, name) - getattr(before, name), 2),
            unit=unit,
            aim=Aim(limit=limit),
            note=note.format(getattr(before, name), getattr(after, name)),
        )
        for name, unit, limit in [
            ("threads", "threads", 0),
            ("connections", "connections", 0),
            ("cpu_percent", "% of a core", 1),
        ]
    ]


def watch(cluster: int, seconds: int) -> Idle:
    """Watch the idle cluster for so long."""
    with connection.cursor() as cursor:
        # What the server would do by itself some seconds later, in the middle of the measurement.
        cursor.execute("VACUUM ANALYZE")
    time.sleep(SETTLE_SECONDS)
    watched = [*family(cluster), *backends()]
    began, used = time.monotonic(), cpu_seconds(watched)
    time.sleep(seconds)
    share = (cpu_seconds(watched) - used) / (time.monotonic() - began)
    return Idle(threads(family(cluster)), len(backends()), round(100 * share, 2))
