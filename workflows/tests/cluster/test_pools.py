"""Steps compute in processes of their own: with results, the database and time limits as anywhere."""

from pathlib import Path

import pytest

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import pools
from workflows.tests.cluster.lab import (
    Cluster,
    effects,
    is_alive,
    most_crashes,
    wait_for,
    wait_for_state,
)
from workflows.tests.cluster.pools import children

pytestmark = pytest.mark.cluster


def test_a_step_computes_in_processes_of_its_own(shared_cluster: Cluster) -> None:
    run = start(pools.squaring)

    wait_for_state(run.id, RunState.COMPLETED, shared_cluster)

    assert get_run(run.id).output == [1, 4, 9, 4]


def test_they_use_the_database_by_connections_of_their_own(shared_cluster: Cluster) -> None:
    run = start(pools.asking)

    wait_for_state(run.id, RunState.COMPLETED, shared_cluster)

    assert get_run(run.id).output == [7, 7, 7, 7]
    assert effects(run.id) == ["still connected"]
    assert most_crashes(run.id) == 0


def test_a_time_limit_ends_them_too(shared_cluster: Cluster, tmp_path: Path) -> None:
    run = start(pools.endless, folder=str(tmp_path))

    wait_for_state(run.id, RunState.FAILED, shared_cluster)

    wait_for(lambda: not any(map(is_alive, children(tmp_path))), "their end")
    assert most_crashes(run.id) == 0
