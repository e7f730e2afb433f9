"""Workers that drive several runs at a time."""

import os
import signal
from collections.abc import Iterator
from uuid import UUID

import pytest

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    most_crashes,
    rows,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.cluster

SLOTS = 10
STANDING = "SELECT count(DISTINCT run_id) FROM lab_effect WHERE name = 'slow 0'"


@pytest.fixture
def cluster(lab: Lab) -> Iterator[Cluster]:
    """Return a cluster of two workers with ten slots each."""
    yield lab.cluster(slots=SLOTS).wait_until_ready()


def standing(lab: Lab, cluster: Cluster, count: int, *, steps: int = 1) -> tuple[list[UUID], str]:
    """Return so many runs that all stand in their first step, and the gate that lets them out."""
    gate = str(lab.gate())
    runs = [start(flows.held, gate=gate, steps=steps).id for _ in range(count)]
    wait_for(lambda: rows(STANDING) == [(count,)], f"{count} steps at once", cluster.words)
    return runs, gate


def open_gate(gate: str) -> None:
    """Let the steps out."""
    with open(gate, "w", encoding="ascii"):
        pass


def test_each_worker_drives_as_many_runs_at_a_time_as_it_has_slots(
    lab: Lab, cluster: Cluster
) -> None:
    runs, gate = standing(lab, cluster, 2 * SLOTS)
    late = start(flows.three_steps)
    pids = dict(rows("SELECT pid, count(*) FROM lab_effect GROUP BY pid"))

    open_gate(gate)

    for run in (*runs, late.id):
        wait_for_state(run, RunState.COMPLETED, cluster)
    assert list(pids.values()) == [SLOTS, SLOTS]


def test_a_stop_waits_for_the_steps_in_all_slots_and_leaves_the_rest_to_others(
    lab: Lab, cluster: Cluster
) -> None:
    runs, gate = standing(lab, cluster, SLOTS, steps=2)

    cluster.main.send_signal(signal.SIGTERM)
    wait_for(lambda: cluster.pids("pusher") == [], "the signal to arrive", cluster.words)
    open_gate(gate)
    wait_for(lambda: cluster.main.poll() is not None, "the end", cluster.words)

    assert {get_run(run).state for run in runs} == {RunState.PENDING}
    assert {tuple(effects(run)) for run in runs} == {("slow 0",)}
    other = lab.cluster(slots=SLOTS)
    for run in runs:
        wait_for_state(run, RunState.COMPLETED, other)
        assert effects(run) == ["slow 0", "slow 1"]


def test_the_runs_of_a_killed_worker_go_on_in_another(lab: Lab, cluster: Cluster) -> None:
    runs, gate = standing(lab, cluster, SLOTS)
    beats = cluster.pid("sentinel")
    killed, *_ = cluster.pids("worker")

    os.kill(killed, signal.SIGKILL)
    again = "SELECT count(*) FROM lab_effect WHERE name = 'slow 0'"
    taken = rows("SELECT count(*) FROM lab_effect WHERE pid = %s", killed)[0][0]
    open_gate(gate)  # who was lost in company is driven with few others until they get on

    for run in runs:
        wait_for_state(run, RunState.COMPLETED, cluster)
    assert rows(again) == [(SLOTS + taken,)]
    assert cluster.pid("sentinel") == beats, "nobody's lock was left locked"


def test_a_step_in_a_system_call_fails_at_its_limit_and_its_worker_ends_after_the_others(
    lab: Lab, cluster: Cluster
) -> None:
    beside, gate = standing(lab, cluster, SLOTS)
    before = set(cluster.pids("worker"))

    stuck = start(flows.never_comes_back_alone)

    wait_for_state(stuck.id, RunState.COMPLETED, cluster)
    told = "it could not be interrupted, so its process"
    assert told in str(get_run(stuck.id).output)
    assert effects(stuck.id) == ["wait"]
    assert {get_run(run).state for run in beside} == {RunState.RUNNING}, "they are let alone"
    assert most_crashes(stuck.id) == 0
    open_gate(gate)
    for run in beside:
        wait_for_state(run, RunState.COMPLETED, cluster)
        assert effects(run) == ["slow 0"]
    wait_for(lambda: len(before - set(cluster.pids("worker"))) == 1, "its end", cluster.words)
