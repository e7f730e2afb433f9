"""Steps may start processes; none outlives the worker that it belongs to."""

import os
import signal
from pathlib import Path
from uuid import UUID

import pytest

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import pools
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    is_alive,
    wait_for,
    wait_for_state,
)
from workflows.tests.cluster.pools import children

pytestmark = pytest.mark.cluster


def a_held_pool(lab: Lab, cluster: Cluster, folder: Path) -> UUID:
    """Return a run whose step waits for two processes of its own."""
    run = start(pools.holding, folder=str(folder))
    wait_for(lambda: len(children(folder)) == 2, "the pool", cluster.words)
    return run.id


def test_they_die_with_a_killed_worker_and_its_run_goes_on(lab: Lab, tmp_path: Path) -> None:
    cluster = lab.cluster(lease_seconds=60).wait_until_ready()
    run_id = a_held_pool(lab, cluster, tmp_path)
    first = children(tmp_path)
    [worker] = {parent_of(pid) for pid in first}

    os.kill(worker, signal.SIGKILL)

    wait_for(lambda: not any(map(is_alive, first)), "their end", cluster.words)
    wait_for(lambda: effects(run_id) == ["began"] * 2, "another worker", cluster.words, 20)
    (tmp_path / "gate").touch()
    wait_for_state(run_id, RunState.COMPLETED, cluster)


@pytest.mark.parametrize("role", ["main", "sentinel"])
def test_they_die_with_a_killed_cluster(lab: Lab, tmp_path: Path, role: str) -> None:
    cluster = lab.cluster().wait_until_ready()
    a_held_pool(lab, cluster, tmp_path)
    everybody = [*cluster.pids(), *children(tmp_path)]

    os.kill(cluster.main.pid if role == "main" else cluster.pid("sentinel"), signal.SIGKILL)

    wait_for(lambda: not any(map(is_alive, everybody)), "the end of all", cluster.words)


def test_a_stop_waits_for_the_step_and_leaves_nobody(lab: Lab, tmp_path: Path) -> None:
    cluster = lab.cluster().wait_until_ready()
    run_id = a_held_pool(lab, cluster, tmp_path)
    everybody = [*cluster.pids(), *children(tmp_path)]

    cluster.main.send_signal(signal.SIGTERM)
    wait_for(lambda: cluster.pids("pusher") == [], "the signal to arrive", cluster.words)
    (tmp_path / "gate").touch()
    wait_for(lambda: cluster.main.poll() is not None, "the end", cluster.words)

    assert effects(run_id) == ["began"]
    assert get_run(run_id).state in (RunState.PENDING, RunState.COMPLETED)
    assert not any(map(is_alive, everybody))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
