"""Clusters of two pools: each drives its own, and what nobody serves says so."""

import os
import signal
from collections.abc import Sequence
from uuid import UUID

import pytest

from workflows.api import RunState, get_run, list_runs, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, effects, rows, wait_for, wait_for_state

pytestmark = pytest.mark.cluster


class CardCluster(Cluster):
    """One for another pool."""

    def command(self) -> Sequence[str]:
        """Return what manage.py is told."""
        return ["runcluster", "--pool", "lab_gpu"]


def test_children_and_steps_of_another_pool_wait_for_a_cluster_that_serves_it(lab: Lab) -> None:
    """And a worker that is killed in such a step gives the run to the next one of the pool."""
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    run, stepped = start(flows.with_a_card), start(flows.step_on_a_card, gate=str(gate))

    def missing() -> set[str]:
        return {each.workflow for each in list_runs() if each.code_missing}

    wait_for(lambda: missing() == {"lab.on_a_card", "lab.card_step"}, "both to wait", cluster.words)
    wait_for(lambda: "serves the pool 'lab_gpu' of lab.card_step" in cluster.words(), "its words")
    cards = lab.cluster(kind=CardCluster)
    wait_for_state(run.id, RunState.COMPLETED, cards)
    wait_for(lambda: "on a card" in effects(stepped.id), "the step to begin", cards.words)
    os.kill(pid_of_holder(stepped.id), signal.SIGKILL)
    wait_for(lambda: effects(stepped.id).count("on a card") == 2, "it to begin again", cards.words)
    gate.touch()
    wait_for_state(stepped.id, RunState.COMPLETED, cards)

    assert get_run(run.id).output == ["before", "on a card"]
    assert get_run(stepped.id).output == [False, True, False]


def pid_of_holder(run_id: UUID) -> int:
    holder = "SELECT pid FROM workflows_worker WHERE id = (SELECT worker_id FROM workflows_run WHERE id = %s)"
    return int(rows(holder, run_id)[0][0])
