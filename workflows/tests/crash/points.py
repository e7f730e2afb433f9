"""Where workers are killed, and how the runs are waited for."""

from uuid import UUID

from workflows.tests.cluster.lab import Cluster, rows, wait_for

POINTS = [
    f"{function}:{when}"
    for function in (
        "claim_run",
        "append",
        "atomic_step",
        "set_status",
        "consume",
        "park_run",
        "end_run",
        "block_run",
    )
    for when in ("before", "after")
]
"""Every write of a drive. release_run, which only a stopping cluster calls, has its own test."""


def wait_until_over(run_ids: list[UUID], cluster: Cluster) -> None:
    """Wait until nothing more happens to these runs."""
    settled = "SELECT count(*) FROM workflows_run WHERE id = ANY(%s) AND state IN ({})".format(
        "'completed', 'failed', 'cancelled', 'blocked'"
    )

    wait_for(
        lambda: rows(settled, run_ids) == [(len(run_ids),)],
        "all runs to end",
        cluster.words,
        seconds=180,
    )


def recoveries() -> list[int]:
    """Return how often runs were recovered, each number once."""
    counted = rows(
        "SELECT DISTINCT count(line.id) FROM workflows_run AS run LEFT JOIN workflows_history "
        "AS line ON line.run_id = run.id AND line.kind = 'recovered' GROUP BY run.id ORDER BY 1"
    )
    return [times for (times,) in counted]
