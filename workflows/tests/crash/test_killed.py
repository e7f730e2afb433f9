"""Kill each kind of process of a cluster; the work goes on."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from workflows.api import RunState, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    is_alive,
    most_crashes,
    rows,
    wait_for,
    wait_for_state as wait_for_run,
)
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

KILLS = 8
Record = Callable[[str, object], None]


def test_the_run_of_a_killed_worker_is_taken_over_within_two_seconds(
    lab: Lab, record_property: Record
) -> None:
    cluster = lab.cluster(guard_cycle=0.5, poll_seconds=0.5).wait_until_ready()

    took = [taken_over_after_a_kill(lab, cluster) for _ in range(KILLS)]

    middle, longest = sorted(took)[KILLS // 2], max(took)
    record_property("figure", f"kill to taken over: p50 {middle:.2f} s, max {longest:.2f} s")
    assert longest < 2
    assert breaches() == {}


def taken_over_after_a_kill(lab: Lab, cluster: Cluster) -> float:
    """Kill the worker in a run's step; return the seconds until another is in it."""
    gate = lab.gate()
    run = start(flows.held_atomic, gate=str(gate))
    wait_for(lambda: tries(run.id), "the step to begin", cluster.words)
    [(pid, _)] = tries(run.id)
    [(killed_at,)] = rows("SELECT clock_timestamp()")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(tries(run.id)) == 2, "another worker", cluster.words)
    gate.touch()
    wait_for_run(run.id, RunState.COMPLETED, cluster)
    assert effects(run.id)[2:] == ["slow", "quick"]
    cluster.wait_until_ready()
    seconds: float = (tries(run.id)[1][1] - killed_at).total_seconds()
    return seconds


def tries(run_id: UUID) -> list[tuple[int, datetime]]:
    """Return who began the run's atomic step, and when."""
    begun = "SELECT pid, at FROM lab_effect WHERE run_id = %s AND name LIKE '%%tried' ORDER BY id"
    return [(pid, at) for pid, at in rows(begun, run_id)]


def in_a_step(lab: Lab, cluster: Cluster) -> tuple[UUID, Path]:
    """Return a run that stands in a step, and the gate that lets it out."""
    gate = lab.gate()
    run = start(flows.held, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    return run.id, gate


def test_a_killed_sentinel_takes_its_children_along_and_is_replaced(lab: Lab) -> None:
    cluster = lab.cluster(guard_cycle=0.5).wait_until_ready()
    run_id, gate = in_a_step(lab, cluster)
    before = cluster.pids()

    os.kill(cluster.pid("sentinel"), signal.SIGKILL)

    wait_for(lambda: not any(map(is_alive, before)), "the end of the old cluster", cluster.words)
    gate.touch()
    wait_for_run(run_id, RunState.COMPLETED, cluster)
    assert cluster.main.poll() is None
    assert "starting it again" in cluster.words()
    assert most_crashes(run_id) == 1


@pytest.mark.parametrize("role", ["pusher", "monitor"])
def test_a_killed_helper_is_replaced(lab: Lab, role: str) -> None:
    cluster = lab.cluster(guard_cycle=0.5).wait_until_ready()
    sentinel, killed = cluster.pid("sentinel"), cluster.pid(role)

    os.kill(killed, signal.SIGKILL)

    runs = [start(flows.three_steps) for _ in range(5)]
    for run in runs:
        wait_for_run(run.id, RunState.COMPLETED, cluster)
    wait_for(lambda: len(cluster.pids(role)) == 1, f"another {role}", cluster.words)
    assert cluster.pid("sentinel") == sentinel


def test_a_killed_cluster_leaves_nobody_and_another_one_goes_on(lab: Lab) -> None:
    first = lab.cluster().wait_until_ready()
    run_id, gate = in_a_step(lab, first)
    second = lab.cluster().wait_until_ready()
    before = first.pids()

    first.main.kill()

    wait_for(lambda: not any(map(is_alive, before)), "the end of all its processes", first.words)
    wait_for(lambda: len(effects(run_id)) == 2, "the other cluster", second.words)
    gate.touch()
    wait_for_run(run_id, RunState.COMPLETED, second)
    assert breaches() == {}


def test_a_cluster_whose_queue_stays_locked_starts_again(lab: Lab, record_property: Record) -> None:
    cluster = lab.cluster(guard_cycle=0.5, poll_seconds=0.5).wait_until_ready()
    sentinel = cluster.pid("sentinel")

    # One of the idle workers waits for a task with the queue's lock in its hands.
    for pid in cluster.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    run = start(flows.three_steps)

    wait_for_run(run.id, RunState.COMPLETED, cluster)
    [(took,)] = rows(
        "SELECT extract(epoch FROM finished_at - created_at)::float8 FROM workflows_run"
    )
    record_property("figure", f"queue left locked to first run: {took:.1f} s")
    assert "tasks wait while workers idle" in cluster.words()
    assert not is_alive(sentinel)
    assert took < 15


def test_a_cluster_whose_queue_stays_locked_stops_when_told(
    lab: Lab, record_property: Record
) -> None:
    cluster = lab.cluster(guard_cycle=0.5, poll_seconds=0.5, stall_seconds=60).wait_until_ready()
    for pid in cluster.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    cluster.wait_until_ready()
    everybody = cluster.pids()

    took = cluster.stop()

    record_property("figure", f"stop with the queue locked: {took:.2f} s")
    assert cluster.main.returncode == 0
    assert took < 10
    assert not any(map(is_alive, everybody))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_while_it_gives_a_run_back_harms_nothing(lab: Lab, when: str) -> None:
    cluster = lab.cluster(crashes=True).wait_until_ready()
    gate = lab.gate()
    run = start(flows.held, gate=str(gate), steps=2, crash_at=f"release_run:{when}:1")
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)

    cluster.main.send_signal(signal.SIGTERM)
    wait_for(lambda: stopping(cluster), "the signal to arrive", cluster.words)
    gate.touch()
    cluster.main.wait(10)

    assert (cluster.folder / "killed" / str(run.id)).read_text() == f"release_run:{when}:1"
    again = lab.cluster()
    wait_for_run(run.id, RunState.COMPLETED, again)
    assert effects(run.id) == ["slow 0", "slow 1"]
    assert most_crashes(run.id) == (1 if when == "before" else 0)
    assert breaches() == {}


def stopping(cluster: Cluster) -> bool:
    """Whether the stop has reached the cluster: its pusher ends at once."""
    return cluster.pids("pusher") == []
