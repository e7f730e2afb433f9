"""Many steps of one run, one after the other and at once; many children of one run."""

from statistics import median
from typing import Any

from bench.database import number
from bench.figures import Figure, spread
from bench.flows import gathered, mapped, one_by_one
from bench.lab import WORKERS, Lab
from bench.measures.starts import wait_until_over
from workflows.api import Workflow, start

TOOK = """
    SELECT 1000 * extract(epoch FROM finished_at - started_at) FROM workflows_run WHERE id = %s
"""


def measure(lab: Lab) -> list[Figure]:
    """Return what a step and a child cost where there are many, by the database's clock."""
    rounds, steps, children = lab.size(5, 3), 100, lab.size(1000, 200)
    lab.cluster()
    return [
        per_part(lab, "steps_one_by_one", "steps one after the other", one_by_one, rounds, steps),
        per_part(lab, "steps_gathered", "steps in a gather", gathered, rounds, steps),
        per_part(lab, "children_mapped", "children in a map", mapped, rounds, children),
    ]


def per_part(
    lab: Lab, name: str, title: str, workflow: Workflow[..., Any], rounds: int, parts: int
) -> Figure:
    """Run the workflow a few times; return the median of a part's share of its time."""
    took = [one_run(lab, workflow, parts) / parts for _ in range(rounds)]
    return Figure(
        name=f"{name}_ms",
        title=f"{parts} {title}, each",
        value=median(took),
        unit="ms",
        note=f"{spread(took)}; {WORKERS} processes",
    )


def one_run(lab: Lab, workflow: Workflow[..., Any], parts: int) -> float:
    """Start a run of so many parts and wait for its end; return its milliseconds."""
    run = start(workflow, count=parts)
    wait_until_over(lab, run.id)
    return number(TOOK, [run.id])
