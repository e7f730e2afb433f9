"""What many runs cost, and who does them. Each test has the database for itself."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models.functions import Now

from workflows.api import RunState, start
from workflows.conf import conf
from workflows.models import Run
from workflows.store.workers import open_connection
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, completed, rows, wait_for, wait_for_state

pytestmark = pytest.mark.cluster

Record = Callable[[str, object], None]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def test_two_clusters_on_one_database_share_the_work(lab: Lab) -> None:
    clusters = [lab.cluster().wait_until_ready(), lab.cluster().wait_until_ready()]

    with transaction.atomic():
        for _ in range(200):
            start(flows.three_steps)
    wait_for(lambda: completed("lab.three_steps") == 200, "200 runs", clusters[0].words)

    drivers = {pid for (pid,) in rows("SELECT DISTINCT pid FROM lab_effect")}
    assert all(drivers & set(cluster.pids("worker")) for cluster in clusters)
    assert rows("SELECT count(*), count(DISTINCT (run_id, name)) FROM lab_effect") == [(600, 600)]


def test_ten_thousand_waiting_runs_hold_nothing_but_their_rows(
    lab: Lab, record_property: Record
) -> None:
    cluster = lab.cluster(guard_cycle=0.5, poll_seconds=0.5).wait_until_ready()
    this_test, the_pusher = 1, 1
    wait_for(lambda: connections() == this_test + the_pusher + cluster.workers, "the pusher")
    before = connections(), threads(cluster)

    # As a park writes them; ten thousand drives would show the same and take longer.
    rows(
        "INSERT INTO workflows_run (id, workflow, version, state, status, input, wake_at, "
        "waiting_for, attempt) SELECT gen_random_uuid(), 'lab.waits_long', 1, 'waiting', '', '{}', "
        "clock_timestamp() + interval '1 hour', '{word}', 1 FROM generate_series(1, 10000) "
        "RETURNING 1"
    )
    rows("SELECT pg_notify('workflows_due', '')")
    busy = busy_seconds(cluster)
    time.sleep(3)
    share = (busy_seconds(cluster) - busy) / 3

    record_property("figure", f"idle CPU with 10,000 waiting runs: {share:.2%} of a core")
    assert (connections(), threads(cluster)) == before
    assert share < 0.05


def test_a_run_whose_row_is_locked_costs_little_and_holds_up_no_other(
    lab: Lab, record_property: Record
) -> None:
    cluster = lab.cluster().wait_until_ready()
    with transaction.atomic():
        locked = start(flows.three_steps)
        Run.objects.filter(pk=locked.id).update(wake_at=Now() + timedelta(seconds=0.5))

    with open_connection(conf().direct_database) as other, other.transaction():
        other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [locked.id])
        due = (
            "SELECT wake_at < clock_timestamp() - interval '0.2 s' FROM workflows_run WHERE id = %s"
        )
        wait_for(lambda: rows(due, locked.id) == [(True,)], "the run to be due", cluster.words)
        busy = busy_seconds(cluster)
        time.sleep(2)
        share = (busy_seconds(cluster) - busy) / 2
        passing = start(flows.three_steps)
        wait_for_state(passing.id, RunState.COMPLETED, cluster)

    record_property("figure", f"CPU beside a locked due row: {share:.2%} of a core")
    assert share < 0.15
    wait_for_state(locked.id, RunState.COMPLETED, cluster)


def connections() -> int:
    """Count the connections to the test's database."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    return int(rows(counted)[0][0])


def threads(cluster: Cluster) -> int:
    """Count the threads of a cluster."""
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in [cluster.main.pid, *cluster.pids()])


def busy_seconds(cluster: Cluster) -> float:
    """Return the CPU time that a cluster has used so far."""
    ticks = 0
    for pid in [cluster.main.pid, *cluster.pids()]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND
