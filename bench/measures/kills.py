"""From the SIGKILL of the worker that drives until another one has taken the run over."""

import os
import signal
from statistics import median

from django.db import connection

from bench.database import number
from bench.figures import Aim, Figure
from bench.flows import hold
from bench.lab import Lab
from bench.measures.starts import wait_until_over
from workflows.api import start

CAME = "SELECT count(*) FROM bench_witness WHERE name = %s"
KILLED_AT = "SELECT extract(epoch FROM clock_timestamp())"
TAKEN_OVER_AT = "SELECT extract(epoch FROM max(at)) FROM bench_witness WHERE name = %s"


def measure(lab: Lab) -> list[Figure]:
    """Return the median and the longest time until the run's step runs elsewhere."""
    kills = lab.size(20, 3)
    took = [one_kill(lab, f"kill-{kill}") for kill in range(kills)]
    note = f"{kills} SIGKILLs of the worker in the step"
    return [
        Figure(
            name="kill_to_taken_over_p50_s",
            title="kill → taken over, p50",
            value=median(took),
            unit="s",
            note=note,
        ),
        Figure(
            name="kill_to_taken_over_max_s",
            title="kill → taken over, longest",
            value=max(took),
            unit="s",
            aim=Aim(limit=2),
            note=note,
        ),
    ]


def one_kill(lab: Lab, name: str) -> float:
    """Kill the worker inside its step; return the seconds until the step began elsewhere."""
    lab.cluster()
    run = start(hold, name=name)
    lab.wait_until(lambda: number(CAME, [name]) == 1, "the step to begin")
    pid = driver_of(name)
    killed_at = number(KILLED_AT)
    os.kill(pid, signal.SIGKILL)
    wait_until_over(lab, run.id)
    return number(TAKEN_OVER_AT, [name]) - killed_at


def driver_of(name: str) -> int:
    """Return the process that runs the step."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM bench_witness WHERE name = %s ORDER BY at", [name])
        return int(cursor.fetchone()[0])
