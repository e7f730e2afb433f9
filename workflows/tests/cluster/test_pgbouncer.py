"""Clusters, and whoever starts runs, behind PgBouncer in transaction mode; pushers and liveness are direct."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest
from django.db import Error, connection
from pytest_django.plugin import DjangoDbBlocker

from workflows.api import RunState, cancel, get_run, send_event, start
from workflows.store.sessions import introduce
from workflows.tests.cluster import flows
from workflows.tests.cluster.bouncer import Bouncer, behind_pgbouncer
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    open_lab,
    rows,
    wait_for,
    wait_for_state,
)
from workflows.tests.cluster.pooler_program import MISSING, PROGRAM
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

SESSIONS = """
    SELECT application_name, pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
"""


@pytest.fixture(scope="module")
def bouncer(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Bouncer]:
    """Return the pooler of all these tests."""
    with django_db_blocker.unblock(), behind_pgbouncer() as bouncer:
        yield bouncer


@pytest.fixture(scope="module")
def pooled_lab(
    bouncer: Bouncer,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a lab behind it."""
    with django_db_blocker.unblock(), open_lab(tmp_path_factory.mktemp("pooled")) as lab:
        yield lab


@pytest.fixture(scope="module")
def cluster(pooled_lab: Lab) -> Cluster:
    """Return a cluster of two workers behind it, whose leases are short."""
    return pooled_lab.cluster(lease_seconds=2, slots=3).wait_until_ready()


def test_runs_of_all_kinds_come_to_their_ends(cluster: Cluster) -> None:
    runs = [start(flows.three_steps) for _ in range(30)]
    runs += [start(flows.atomic_steps) for _ in range(30)]
    runs += [start(flows.sleeps) for _ in range(10)]
    runs += [start(flows.labelled) for _ in range(10)]
    waiting = [start(flows.waits_long) for _ in range(10)]
    cancelled = start(flows.waits_long)
    for run in waiting:
        send_event(run.id, "word", "hello")
    cancel(cancelled.id)

    for run in runs + waiting:
        wait_for_state(run.id, RunState.COMPLETED, cluster)
    wait_for_state(cancelled.id, RunState.CANCELLED, cluster)
    assert breaches() == {}
    assert "prepared statement" not in cluster.words()
    assert "refused" not in cluster.words()


def test_no_session_of_the_pooler_bears_a_worker_s_name(cluster: Cluster, bouncer: Bouncer) -> None:
    wait_for_state(start(flows.atomic_steps).id, RunState.COMPLETED, cluster)

    names = [name for name, _ in rows(SESSIONS)]

    assert not [name for name in names if name.startswith("workflows ")]
    assert names.count("workflows") >= 3, "pusher and workers are there themselves"
    assert rows("SELECT DISTINCT session_name FROM workflows_worker") == [("",)]


def test_a_killed_worker_s_run_goes_on_elsewhere(cluster: Cluster, pooled_lab: Lab) -> None:
    gate = pooled_lab.gate()
    run = start(flows.held_atomic, gate=str(gate))
    pid = pid_of_worker_in(run.id, cluster)

    os.kill(pid, signal.SIGKILL)
    gate.touch()

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    assert breaches() == {}


def test_ending_what_a_lost_worker_left_open_never_hits_a_session_of_the_pooler(
    cluster: Cluster, pooled_lab: Lab
) -> None:
    """The worker freezes inside a transaction; its run is taken from it and waits for nobody."""
    gate = pooled_lab.gate()
    run = start(flows.held_atomic, gate=str(gate))
    pid = pid_of_worker_in(run.id, cluster)
    before = pooled_sessions()

    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: get_run(run.id).attempt > 1, "the run to be taken", cluster.words)
        gate.touch()
        wait_for_state(run.id, RunState.COMPLETED, cluster)

        assert before <= pooled_sessions(), "none of them was ended"
    finally:
        os.kill(pid, signal.SIGCONT)
    cluster.wait_until_ready()


def test_what_a_frozen_worker_has_locked_is_free_after_the_pooler_s_timeout(
    cluster: Cluster, pooled_lab: Lab, bouncer: Bouncer
) -> None:
    """Nobody here ends its session, and whoever takes the run over waits for the same row."""
    gate = pooled_lab.gate()
    rows("INSERT INTO lab_effect (name, key) VALUES ('the row of all', '') RETURNING id")
    with bouncer.rolls_back_after(seconds=4):
        run = start(flows.locking, gate=str(gate))
        pid = pid_of_worker_in(run.id, cluster)

        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for(lambda: len(effects(run.id)) == 2, "the row", cluster.words)
            gate.touch()
            wait_for_state(run.id, RunState.COMPLETED, cluster)
        finally:
            os.kill(pid, signal.SIGCONT)
    cluster.wait_until_ready()

    assert get_run(run.id).attempt == 2
    assert effects(run.id) == ["has the row", "has the row"]
    assert breaches() == {}


def pid_of_worker_in(run_id: UUID, cluster: Cluster) -> int:
    """Wait until a step of the run has begun, and return who is in it."""
    wait_for(lambda: effects(run_id), "the step to begin", cluster.words)
    holder = "SELECT pid FROM workflows_worker WHERE id = (SELECT worker_id FROM workflows_run WHERE id = %s)"
    return int(rows(holder, run_id)[0][0])


def test_a_session_of_the_pooler_takes_no_name(cluster: Cluster) -> None:
    """Also where nobody has said that it is one."""
    connection.ensure_connection()
    introduce(connection.connection, "workflows 0a1b2c3d 1@here")

    assert "workflows 0a1b2c3d 1@here" not in [name for name, _ in rows(SESSIONS)]


def pooled_sessions() -> set[int]:
    """Return the server's sessions that are the pooler's."""
    return {pid for name, pid in rows(SESSIONS) if name != "workflows"}


def test_a_pooler_that_is_started_again_loses_nothing(cluster: Cluster, bouncer: Bouncer) -> None:
    runs = [start(flows.many_steps, steps=20) for _ in range(20)]

    bouncer.stop()
    unreached = "workers do not reach the database"
    wait_for(lambda: unreached in cluster.words(), "a word about it", cluster.words)
    bouncer.start()

    for run in runs:
        wait_for(partial(is_completed, run.id), "its end", cluster.words)
    assert breaches() == {}


def is_completed(run_id: UUID) -> bool:
    try:
        return get_run(run_id).state == RunState.COMPLETED
    except Error:
        connection.close()  # cut with the pooler
        return False
