"""Connections are cut again and again: no run is blocked for it, none hangs, none is doubled."""

import time

import pytest

from workflows.api import RunState, get_run, start
from workflows.cluster.liveness import SAME_MOMENT_SECONDS
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, effects, most_crashes, rows, wait_for, wait_for_state
from workflows.tests.crash.cutting import CUT_ALL, UNFINISHED, cut_for
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

CUTS = 5
CUT_LIVENESS = """
    SELECT pg_terminate_backend(lock.pid) FROM pg_locks AS lock
    JOIN workflows_run AS run ON run.worker_id = lock.objid::bigint
    WHERE locktype = 'advisory' AND classid = 20817 AND granted
"""
IN_ITS_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'
      AND query LIKE 'INSERT INTO lab_effect%%'
"""
STORM_SECONDS, RUNS = 4.0, 40


def test_a_worker_whose_liveness_connection_is_cut_keeps_its_run(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=3).wait_until_ready()
    gate = lab.gate()
    run = start(flows.held, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step", cluster.words)

    for _ in range(CUTS):
        before = rows("SELECT worker_id FROM workflows_run")
        assert rows(CUT_LIVENESS) == [(True,)]
        wait_for(
            lambda before=before: rows("SELECT worker_id FROM workflows_run") != before,  # type: ignore[misc]
            "the new id",
            cluster.words,
        )
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert len(effects(run.id)) == 1
    assert get_run(run.id).crashes == 0


def test_a_cut_that_an_atomic_step_meets_only_at_its_end_counts_no_crash(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=1).wait_until_ready()
    gate = lab.gate()
    run = start(flows.held_atomic, gate=str(gate))
    wait_for(lambda: rows(IN_ITS_TRANSACTION) == [(1,)], "the step", cluster.words)
    before = rows("SELECT worker_id FROM workflows_run")

    rows(CUT_ALL)
    its_new_id = "the new id of the worker, whose step has not heard of it"
    wait_for(lambda: rows("SELECT worker_id FROM workflows_run") != before, its_new_id)
    time.sleep(2 * SAME_MOMENT_SECONDS + 0.1)
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert effects(run.id)[-2:] == ["slow", "quick"]
    assert most_crashes(run.id) == 0
    assert breaches() == {}


def test_a_storm_of_cuts_blocks_nobody(lab: Lab) -> None:
    cluster = lab.cluster(workers=4).wait_until_ready()
    starts = [flows.three_steps, flows.atomic_steps]
    for number in range(RUNS):
        start(starts[number % 2])
    parent = start(flows.fan, count=20)

    cut_for(STORM_SECONDS)

    wait_for_state(parent.id, RunState.COMPLETED, cluster)
    wait_for(lambda: rows(UNFINISHED) == [(0,)], "all runs", cluster.words)
    assert breaches() == {}
