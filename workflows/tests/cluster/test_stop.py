"""Stop a cluster: at once when idle, after the step in progress when not."""

import os
import signal
from collections.abc import Callable
from uuid import UUID

import pytest

from workflows.api import HistoryKind, RunState, get_history, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    is_alive,
    most_crashes,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.cluster

Record = Callable[[str, object], None]
STOPPED_BETWEEN_STEPS = [HistoryKind.STEP_COMPLETED]


@pytest.mark.parametrize(("how", "workers"), [(signal.SIGTERM, 8), (signal.SIGINT, 2)])
def test_an_idle_cluster_stops_at_once(
    lab: Lab, record_property: Record, how: signal.Signals, workers: int
) -> None:
    cluster = lab.cluster(workers=workers, guard_cycle=0.5).wait_until_ready()
    everybody = cluster.pids()

    took = cluster.stop(how)

    record_property("figure", f"stop when idle, {workers} workers, {how.name}: {took:.2f} s")
    assert took < 5
    assert cluster.main.returncode == 0
    assert not any(map(is_alive, everybody))
    [said] = cluster.words().splitlines()
    assert said.startswith(f"A cluster starts: workers {workers}, ")


def held_run(lab: Lab, cluster: Cluster, *, steps: int = 2) -> tuple[UUID, Callable[[], None]]:
    """Return a run that stands in its first step, and what lets it out."""
    gate = lab.gate()
    run = start(flows.held, gate=str(gate), steps=steps)
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    return run.id, gate.touch


def wait_until_told(cluster: Cluster) -> None:
    """Wait until the stop has reached the cluster: its pusher ends at once."""
    wait_for(lambda: cluster.pids("pusher") == [], "the signal to arrive", cluster.words)


def wait_for_the_end(cluster: Cluster) -> None:
    """Wait until it has ended by itself."""
    wait_for(lambda: cluster.main.poll() is not None, "the end", cluster.words)


def test_a_step_in_progress_ends_and_the_next_one_is_left_to_others(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    run_id, let_out = held_run(lab, cluster)

    cluster.main.send_signal(signal.SIGTERM)
    wait_until_told(cluster)
    let_out()
    wait_for_the_end(cluster)

    run = get_run(run_id)
    assert run.state == RunState.PENDING
    assert [entry.kind for entry in get_history(run_id)] == STOPPED_BETWEEN_STEPS
    assert effects(run_id) == ["slow 0"]
    wait_for_state(run_id, RunState.COMPLETED, lab.cluster())
    assert effects(run_id) == ["slow 0", "slow 1"]


def test_an_async_step_in_progress_ends_like_any_other(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    run_id = start(flows.held_async, gate=str(gate)).id
    wait_for(lambda: effects(run_id), "the step to begin", cluster.words)

    cluster.main.send_signal(signal.SIGTERM)
    wait_until_told(cluster)
    gate.touch()
    wait_for_the_end(cluster)

    assert [entry.kind for entry in get_history(run_id)] == STOPPED_BETWEEN_STEPS
    wait_for_state(run_id, RunState.COMPLETED, lab.cluster())
    assert sorted(effects(run_id)) == ["a", "b", "slow 0"]


def test_a_second_signal_does_not_cut_the_wait_short(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    run_id, let_out = held_run(lab, cluster)

    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        cluster.main.send_signal(how)
        wait_until_told(cluster)
    let_out()
    wait_for_the_end(cluster)

    assert cluster.main.returncode == 0
    assert [entry.kind for entry in get_history(run_id)] == STOPPED_BETWEEN_STEPS


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_every_process_of_it_drains_it_too(lab: Lab, how: signal.Signals) -> None:
    cluster = lab.cluster().wait_until_ready()
    run_id, let_out = held_run(lab, cluster)

    os.killpg(cluster.main.pid, how)
    wait_until_told(cluster)
    let_out()
    wait_for_the_end(cluster)

    assert cluster.main.returncode == 0
    assert [entry.kind for entry in get_history(run_id)] == STOPPED_BETWEEN_STEPS


def test_a_run_of_many_steps_goes_over_to_another_cluster_and_back(lab: Lab) -> None:
    first, second = lab.cluster().wait_until_ready(), lab.cluster().wait_until_ready()
    runs = [start(flows.many_steps, steps=40) for _ in range(20)]
    wait_for(lambda: len(effects(runs[0].id)) > 1, "work to begin", first.words)

    first.stop()

    for run in runs:
        wait_for_state(run.id, RunState.COMPLETED, second)
        assert effects(run.id) == [str(n) for n in range(40)]
        assert most_crashes(run.id) == 0
