"""Many runs: shared by clusters, waiting for nothing, woken at once, on time."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction

from workflows.api import send_event, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, rows, wait_for

pytestmark = pytest.mark.cluster

Record = Callable[[str, object], None]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def completed(workflow: str) -> int:
    """Count the completed runs of a workflow."""
    counted = "SELECT count(*) FROM workflows_run WHERE workflow = %s AND state = 'completed'"
    return int(rows(counted, workflow)[0][0])


def test_two_clusters_on_one_database_share_the_work(lab: Lab) -> None:
    clusters = [lab.cluster().wait_until_ready(), lab.cluster().wait_until_ready()]

    with transaction.atomic():
        for _ in range(200):
            start(flows.three_steps)
    wait_for(lambda: completed("lab.three_steps") == 200, "200 runs", clusters[0].words)

    drivers = {pid for (pid,) in rows("SELECT DISTINCT pid FROM lab_effect")}
    assert all(drivers & set(cluster.pids("worker")) for cluster in clusters)
    assert rows("SELECT count(*), count(DISTINCT (run_id, name)) FROM lab_effect") == [(600, 600)]


def test_timers_are_never_early_and_late_by_little(
    shared_cluster: Cluster, record_property: Record
) -> None:
    for n in range(50):
        start(flows.one_sleep, seconds=0.3 + 1.2 * n / 49)

    wait_for(lambda: completed("lab.one_sleep") == 50, "50 sleeps", shared_cluster.words)

    late = [
        float(seconds)
        for (seconds,) in rows(
            "SELECT extract(epoch FROM done.at - (begun.data->>'until')::timestamptz)::float8 "
            "FROM workflows_history AS begun JOIN workflows_history AS done USING (run_id, position) "
            "WHERE begun.kind = 'sleep_started' AND done.kind = 'sleep_ended' ORDER BY 1"
        )
    ]
    record_property(
        "figure", f"timers late by: p50 {late[25] * 1e3:.0f} ms, max {late[-1] * 1e3:.0f} ms"
    )
    assert len(late) == 50
    assert late[0] >= 0
    assert late[-1] < 1


def test_a_thousand_waiting_runs_take_their_events_once_each(
    shared_cluster: Cluster, record_property: Record
) -> None:
    with transaction.atomic():
        runs = [start(flows.waits_long) for _ in range(1000)]
    waiting = (
        "SELECT count(*) FROM workflows_run WHERE state = 'waiting' AND waiting_for = '{word}'"
    )
    wait_for(lambda: rows(waiting) == [(1000,)], "1,000 waiting runs", shared_cluster.words)
    began = time.monotonic()

    with transaction.atomic():
        for n, run in enumerate(runs):
            send_event(run.id, "word", payload=str(n), key="once")
            send_event(run.id, "word", payload="again", key="once")
    wait_for(lambda: completed("lab.waits_long") == 1000, "1,000 runs", shared_cluster.words)

    record_property("figure", f"1,000 events to 1,000 ended runs: {time.monotonic() - began:.1f} s")
    outputs = dict(rows("SELECT id, output FROM workflows_run WHERE workflow = 'lab.waits_long'"))
    assert outputs == {run.id: f'"{n}"' for n, run in enumerate(runs)}
    assert rows("SELECT count(*) FROM workflows_event WHERE position IS NULL") == [(0,)]


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
