"""Slots, lent connections, groups, heartbeats and async steps in one cluster of eight workers."""

from pathlib import Path

import pytest

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import flows, waiting_steps
from workflows.tests.cluster.lab import Cluster, Lab, is_pooled, rows, wait_for, wait_for_state
from workflows.tests.crash.invariants import breaches

pytestmark = pytest.mark.cluster

WORKERS, SLOTS, CONNECTIONS = 8, 6, 2
KINDS = {
    flows.held: {"slow 0"},
    flows.held_async: {"slow 0"},
    waiting_steps.waits_beating: {"beats"},
    waiting_steps.waits_outside: {"outside"},
    waiting_steps.waits_as_group: {"plain a", "plain b", "async a", "async b"},
}
"""With what each has under way while it stands."""
EACH = 5
IN_A_GROUP = "I8 an operation began before the one before it had ended"
STANDING = "SELECT count(*) FROM lab_effect WHERE run_id = ANY(%s)"
SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND pid <> pg_backend_pid()
"""
NOT_THE_POOLER_S = "AND application_name = 'workflows'"


@pytest.fixture(scope="module")
def cluster(shared_lab: Lab) -> Cluster:
    """Return a cluster whose workers have fewer connections to lend than slots."""
    started = shared_lab.cluster(workers=WORKERS, slots=SLOTS, connections=CONNECTIONS)
    return started.wait_until_ready()


def test_steps_of_all_kinds_wait_beside_each_other_and_come_to_their_ends(
    cluster: Cluster, shared_lab: Lab
) -> None:
    gate = shared_lab.gate()
    runs = [start(kind, gate=str(gate)).id for kind in KINDS for _ in range(EACH)]
    standing = EACH * sum(map(len, KINDS.values()))

    wait_for(lambda: rows(STANDING, runs) == [(standing,)], "all steps to stand", cluster.words)
    quick = [start(flows.atomic_steps).id for _ in range(10)]
    for run in quick:  # nobody waits for those that stand
        wait_for_state(run, RunState.COMPLETED, cluster)
    Path(gate).touch()

    for run in runs:
        wait_for_state(run, RunState.COMPLETED, cluster)
    assert {get_run(run).attempt for run in runs} == {1}
    assert breaches().keys() <= {IN_A_GROUP}


def test_a_cluster_that_is_idle_again_has_a_connection_for_each_worker_and_one_more(
    cluster: Cluster,
) -> None:
    for run in [start(flows.three_steps).id for _ in range(4 * WORKERS)]:
        wait_for_state(run, RunState.COMPLETED, cluster)

    sessions = f"{SESSIONS} {NOT_THE_POOLER_S}" if is_pooled() else SESSIONS
    wait_for(
        lambda: rows(sessions)[0][0] <= WORKERS + 1, "its idle connections to go", cluster.words
    )


def test_what_a_cluster_begins_with_is_shared_by_its_workers(cluster: Cluster) -> None:
    """A collector that goes through it would copy it for each of them."""
    run = start(waiting_steps.counts_frozen_objects)

    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert get_run(run.id).output > 10_000
