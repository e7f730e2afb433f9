"""A parent with very many children, all over the fleet, some of which dies."""

import os
import signal
from collections.abc import Callable
from uuid import UUID

import pytest

from workflows.api import RunState, cancel, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, rows, wait_for, wait_for_state
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

CHILDREN = 1000
DRIVES_IT = """
    SELECT worker.pid FROM workflows_run AS run JOIN workflows_worker AS worker
    ON worker.id = run.worker_id WHERE run.id = %s
"""
CANCELS, CANCELLED_CHILDREN = 3, 200
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
OPEN = "SELECT count(*) FROM workflows_run WHERE finished_at IS NULL"
TOOK = (
    "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM workflows_run WHERE id = %s"
)


def test_a_thousand_children_are_each_done_once_whoever_dies(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    clusters = [lab.cluster().wait_until_ready(), lab.cluster().wait_until_ready()]
    run = start(flows.fan, count=CHILDREN)
    wait_for(lambda: done() >= CHILDREN // 4, "a quarter of the children", clusters[0].words)

    killed = [kill_a_worker(each, run.id) for each in clusters]
    wait_for_state(run.id, RunState.COMPLETED, clusters[0])

    [(took,)] = rows(TOOK, run.id)
    record_property(
        "figure", f"{CHILDREN} children over two clusters, {killed} killed: {took:.1f} s"
    )
    assert get_run(run.id).output == list(range(CHILDREN))
    assert done() == CHILDREN
    assert rows("SELECT count(DISTINCT name) FROM lab_effect") == [(CHILDREN,)]
    assert all(drivers() & cluster.everybody() for cluster in clusters)
    assert breaches() == {}


def test_parents_with_busy_children_are_cancelled_without_a_deadlock(lab: Lab) -> None:
    cluster = lab.cluster(workers=4).wait_until_ready()
    before = rows(DEADLOCKS)

    for number in range(CANCELS):
        run = start(flows.fan, count=CANCELLED_CHILDREN)
        wait_for_children(cluster, at_least=done() + 5 + number)
        assert cancel(run.id)
    wait_for(lambda: rows(OPEN) == [(0,)], "the end of all", cluster.words)

    assert rows(DEADLOCKS) == before
    assert "deadlock" not in cluster.words()
    assert breaches() == {}


def wait_for_children(cluster: Cluster, *, at_least: int) -> None:
    """Wait until so many children have done their step."""
    wait_for(lambda: done() >= at_least, "children that are done", cluster.words)


def kill_a_worker(cluster: Cluster, parent: UUID) -> str:
    """Kill the worker that drives the parent, or another of the cluster; say which."""
    driver = [pid for (pid,) in rows(DRIVES_IT, parent) if pid in cluster.pids("worker")]
    os.kill((driver or cluster.pids("worker"))[0], signal.SIGKILL)
    return "the parent's worker" if driver else "another"


def done() -> int:
    """Count the effects of children."""
    return int(rows("SELECT count(*) FROM lab_effect")[0][0])


def drivers() -> set[int]:
    """Return the processes that drove children."""
    return {pid for (pid,) in rows("SELECT DISTINCT pid FROM lab_effect")}
