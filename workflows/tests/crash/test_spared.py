"""A worker that its own cluster ends is not to blame: its run counts no crash."""

import os
import signal

import pytest

from workflows.api import HistoryKind, RunState, get_history, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, effects, rows, wait_for, wait_for_state

pytestmark = [pytest.mark.cluster, pytest.mark.crash]


def lock_the_queue(cluster: Cluster, busy: int) -> None:
    """Kill every idle worker: one of them waits for a task with the queue's lock in its hands."""
    for pid in cluster.pids("worker"):
        if pid != busy:
            os.kill(pid, signal.SIGKILL)


def test_a_run_whose_cluster_the_watchdog_ends_counts_no_crash(lab: Lab) -> None:
    cluster = lab.cluster(
        workers=3, max_crashes=1, guard_cycle=0.2, stall_seconds=1
    ).wait_until_ready()
    gate = lab.gate()
    run = start(flows.held, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    [(busy,)] = rows("SELECT pid FROM lab_effect")

    lock_the_queue(cluster, busy)
    cluster.wait_until_ready()
    other = start(flows.three_steps)

    wait_for(lambda: len(effects(run.id)) == 2, "the run to go on", cluster.words)
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)
    wait_for_state(other.id, RunState.COMPLETED, cluster)
    assert "tasks wait while workers idle" in cluster.words()
    [line] = [entry.data for entry in get_history(run.id) if entry.kind == HistoryKind.RECOVERED]
    assert line["crashes"] == 0
    assert line["reason"].startswith("its cluster was ended because it hung, in step 'slow_effect'")
