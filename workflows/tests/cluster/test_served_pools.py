"""Clusters of two pools: each drives its own, and what nobody serves says so."""

from collections.abc import Sequence

import pytest

from workflows.api import RunState, get_run, list_runs, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, wait_for, wait_for_state

pytestmark = pytest.mark.cluster


class CardCluster(Cluster):
    """One for another pool."""

    def command(self) -> Sequence[str]:
        """Return what manage.py is told."""
        return ["runcluster", "--pool", "lab_gpu"]


def test_a_child_of_another_pool_waits_for_a_cluster_that_serves_it(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    run = start(flows.with_a_card)

    def missing() -> list[str]:
        return [each.workflow for each in list_runs() if each.code_missing]

    wait_for(lambda: missing() == ["lab.on_a_card"], "the child to wait", cluster.words)
    wait_for_state(run.id, RunState.COMPLETED, lab.cluster(kind=CardCluster))

    assert get_run(run.id).output == ["before", "on a card"]
