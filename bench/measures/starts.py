"""From start to completed: a run of one step, on a cluster that has nothing else to do."""

import time
from statistics import median
from uuid import UUID

from bench.database import number
from bench.figures import Aim, Figure, quantile
from bench.flows import one_step
from bench.lab import Lab
from workflows.api import start

WARM_UP = 30
IDLE_SECONDS = 12
"""By then a worker has closed the connections that nobody needed."""
IS_OVER = "SELECT count(*) FROM workflows_run WHERE id = %s AND finished_at IS NOT NULL"
TOOK = "SELECT 1000 * extract(epoch FROM finished_at - created_at) FROM workflows_run WHERE id = %s"


def measure(lab: Lab) -> list[Figure]:
    """Return the median and the 99th percentile, by the database's clock."""
    runs = lab.size(400, 40)
    lab.cluster()
    for _ in range(WARM_UP):
        one_run(lab)
    took = [one_run(lab) for _ in range(runs)]
    idle = [after_idleness(lab) for _ in range(lab.size(5, 3))]
    return [
        *percentiles(took),
        Figure(
            name="start_to_completed_after_idleness_ms",
            title="start → completed, 1 step, after idleness",
            value=median(idle),
            unit="ms",
            note=f"{len(idle)} runs, {IDLE_SECONDS} s apart; {min(idle):.1f} to {max(idle):.1f}",
        ),
    ]


def percentiles(took: list[float]) -> list[Figure]:
    """Return the figures of runs that come one after the other."""
    return [
        Figure(
            name=f"start_to_completed_p{percent}_ms",
            title=f"start → completed, 1 step, p{percent}",
            value=quantile(took, percent / 100),
            unit="ms",
            aim=Aim(limit=limit),
            note=f"{len(took)} runs, one at a time",
        )
        for percent, limit in [(50, 10), (99, 40)]
    ]


def after_idleness(lab: Lab) -> float:
    """Let the cluster lie, then start a run; return its milliseconds."""
    time.sleep(IDLE_SECONDS)
    return one_run(lab)


def one_run(lab: Lab) -> float:
    """Start a run in autocommit and wait for its end; return its milliseconds."""
    run = start(one_step)
    wait_until_over(lab, run.id)
    return number(TOOK, [run.id])


def wait_until_over(lab: Lab, run_id: UUID) -> None:
    """Wait for a run's end, asking seldom enough not to be measured."""
    lab.wait_until(lambda: number(IS_OVER, [run_id]) == 1, f"run {run_id} to end", every=0.015)
