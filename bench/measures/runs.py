"""Runs per second with three steps that do nothing: the bare loop and the engine, in turns.

Both work off a batch that was there before, with two processes, from the first claim to the last
end by the database's clock. Other work on the machine comes and goes, so rounds alternate and the
ratio is the median of each pair's.
"""

import os
from collections.abc import Sequence
from statistics import median

from django.db import connection, transaction

from bench.database import backends, empty, number
from bench.figures import Aim, Figure, Round, spread
from bench.flows import three_steps
from bench.lab import WORKERS, Lab
from bench.measures import bare_loop
from bench.processes import cpu_seconds, family
from workflows.api import start

UNFINISHED = "SELECT count(*) FROM workflows_run WHERE finished_at IS NULL"
RATE = """
    SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at)) FROM workflows_run
"""


def measure(lab: Lab) -> list[Figure]:
    """Return the rates of both, their ratio, and the CPU each takes."""
    url = os.environ["DATABASE_URL"]
    rounds, runs = lab.size(7, 3), lab.size(1000, 300)
    warm_up(lab)
    pairs = [(bare_loop.measure_round(url, runs), engine_round(lab, runs)) for _ in range(rounds)]
    bare, engine = [bare for bare, _ in pairs], [engine for _, engine in pairs]
    ratio = Figure(
        name="engine_to_bare_ratio",
        title="engine : bare loop",
        value=median(engine.runs_per_second / bare.runs_per_second for bare, engine in pairs),
        unit="times",
        aim=Aim(limit=0.5, at_most=False),
        note="median of the pairs",
    )
    return [
        rate("bare", "bare SQL loop, 3 inserts", bare, runs),
        rate("engine", "engine, 3 no-op steps", engine, runs),
        ratio,
        cpu("bare", "bare SQL loop, CPU of a run", bare),
        cpu("engine", "engine, CPU of a run", engine),
        Figure(
            name="engine_to_bare_cpu_ratio",
            title="engine : bare loop, by CPU",
            value=median(bare.cpu_ms / engine.cpu_ms for bare, engine in pairs),
            unit="times",
            note="what the ratio is where nothing else wants the processors",
        ),
    ]


def rate(name: str, title: str, rounds: Sequence[Round], runs: int) -> Figure:
    """Return one side's rate."""
    rates = [each.runs_per_second for each in rounds]
    return Figure(
        name=f"{name}_runs_per_second",
        title=title,
        value=median(rates),
        unit="runs/s",
        note=f"{spread(rates)}; {runs} runs a round, {WORKERS} processes",
    )


def cpu(name: str, title: str, rounds: Sequence[Round]) -> Figure:
    """Return what a run costs one side, whatever else the machine does."""
    client = median(each.client_ms for each in rounds)
    server = median(each.server_ms for each in rounds)
    return Figure(
        name=f"{name}_cpu_ms_per_run",
        title=title,
        value=median(each.cpu_ms for each in rounds),
        unit="ms",
        note=f"{client:.2f} in the processes, {server:.2f} in the server",
    )


def warm_up(lab: Lab) -> None:
    """Let every worker open its connection and prepare its statements."""
    lab.cluster()
    engine_round(lab, 400)


def engine_round(lab: Lab, runs: int) -> Round:
    """Let the cluster work off so many runs."""
    empty("workflows_run")
    here, there = family(lab.cluster().pid), backends()
    began_here, began_there = cpu_seconds(here), cpu_seconds(there)
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(runs):
            start(three_steps)
        cursor.execute("ANALYZE workflows_run")
    lab.wait_until(lambda: number(UNFINISHED) == 0, f"{runs} runs to end", every=0.1)
    return Round(
        number(RATE),
        1000 * (cpu_seconds(here) - began_here) / runs,
        1000 * (cpu_seconds(there) - began_there) / runs,
    )
