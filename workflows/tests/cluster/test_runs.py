"""What a healthy cluster does."""

import pytest

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, effects, rows, wait_for_state

pytestmark = pytest.mark.cluster


def test_a_cluster_drives_a_run_to_its_end(shared_cluster: Cluster) -> None:
    run = start(flows.three_steps)

    wait_for_state(run.id, RunState.COMPLETED, shared_cluster)

    assert get_run(run.id).output == ["a", "b", "c"]
    assert effects(run.id) == ["a", "b", "c"]


def test_django_q2_keeps_nothing_of_what_it_did(shared_cluster: Cluster) -> None:
    run = start(flows.retries)

    wait_for_state(run.id, RunState.COMPLETED, shared_cluster)

    assert rows("SELECT count(*) FROM django_q_task") == [(0,)]
    assert rows("SELECT count(*) FROM django_q_ormq") == [(0,)]
