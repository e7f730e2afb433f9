"""What a healthy cluster does."""

import time
from collections.abc import Callable

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, send_event, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, completed, effects, rows, wait_for, wait_for_state

pytestmark = pytest.mark.cluster

Record = Callable[[str, object], None]


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
            send_event(run.id, "word", payload=str(n), key="once")
    wait_for(lambda: completed("lab.waits_long") == 1000, "1,000 runs", shared_cluster.words)

    record_property("figure", f"1,000 events to 1,000 ended runs: {time.monotonic() - began:.1f} s")
    outputs = dict(rows("SELECT id, output FROM workflows_run WHERE workflow = 'lab.waits_long'"))
    assert outputs == {run.id: f'"{n}"' for n, run in enumerate(runs)}
    assert rows("SELECT count(*) FROM workflows_event WHERE position IS NULL") == [(0,)]
