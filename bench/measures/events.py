"""From an event to completed: the run waits for it, and ends when it has it."""

from bench.database import empty, number
from bench.figures import Aim, Figure, quantile
from bench.flows import wait_for_event
from bench.lab import Lab
from bench.measures.starts import WARM_UP, wait_until_over
from workflows.api import send_event, start

WAITING = "SELECT count(*) FROM workflows_run WHERE state = 'waiting'"
TOOK = """
    SELECT 1000 * extract(epoch FROM run.finished_at - event.sent_at)
    FROM workflows_run AS run JOIN workflows_event AS event ON event.run_id = run.id
    WHERE run.id = %s
"""


def measure(lab: Lab) -> list[Figure]:
    """Return the median and the 99th percentile, by the database's clock."""
    events = lab.size(400, 40)
    lab.cluster()
    empty("workflows_run")
    waiting = [start(wait_for_event, timeout_seconds=3600.0).id for _ in range(WARM_UP + events)]
    lab.wait_until(lambda: number(WAITING) == len(waiting), "all runs to wait")
    took = []
    for run_id in waiting:
        send_event(run_id, "go", payload={"ready": True})
        wait_until_over(lab, run_id)
        took.append(number(TOOK, [run_id]))
    return [
        Figure(
            name=f"event_to_completed_p{percent}_ms",
            title=f"event → completed, p{percent}",
            value=quantile(took[WARM_UP:], percent / 100),
            unit="ms",
            aim=aim,
            note=f"{events} events, one at a time",
        )
        for percent, aim in [(50, Aim(limit=8)), (99, None)]
    ]
