"""The pusher's bell: what it hears, what it leaves alone, what it survives."""

import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import transaction

from workflows import signals
from workflows.api import RunState, get_run, start
from workflows.cluster import bell as room
from workflows.cluster import shared
from workflows.cluster.bell import Bell
from workflows.conf import conf
from workflows.store import queue
from workflows.store import workers as store
from workflows.store.database import Connection
from workflows.store.queue import claim_run
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, rows

WORKERS = 2
LONG_NAP_SECONDS = 5.0


@pytest.fixture
def bell(lab: Lab, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Bell]:
    """Return a bell that naps for a second unless something wakes it."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "poll_seconds": LONG_NAP_SECONDS}
    stirs = os.pipe()
    for end in stirs:
        os.set_blocking(end, False)
    monkeypatch.setattr(shared, "_stirs", stirs)
    shared.reset()
    bell = Bell(WORKERS)
    assert bell.wait() == 0
    yield bell
    bell._drop()
    shared.reset()
    for end in stirs:
        os.close(end)


@pytest.fixture
def other(lab: Lab) -> Iterator[Connection]:
    """Return a connection of somebody else."""
    own = store.open_connection(conf().direct_database)
    yield own
    own.close()


def wait_and_time(bell: Bell) -> tuple[int, float]:
    """Return what the bell says and how long it took."""
    began = time.monotonic()
    return bell.wait(), time.monotonic() - began


def test_a_due_run_calls_a_worker(bell: Bell) -> None:
    start(flows.three_steps)

    assert bell.wait() == 1


def test_without_runs_it_naps_for_a_second_at_most(bell: Bell) -> None:
    called, took = wait_and_time(bell)

    assert called == 0
    assert 0.9 < took < 3


def test_it_wakes_for_a_timer_that_falls_due_before_the_poll(bell: Bell) -> None:
    began = time.monotonic()
    with transaction.atomic():
        run = start(flows.three_steps)
        later = "UPDATE workflows_run SET wake_at = wake_at + interval '0.2 s' WHERE id = %s RETURNING 1"
        rows(later, run.id)

    while bell.wait() == 0:
        pass

    assert 0.15 < time.monotonic() - began < 0.9


def test_what_rings_while_the_last_answer_is_on_its_way_is_not_slept_over(
    bell: Bell, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_ahead = queue.look_ahead

    def ring_and_look(own: Connection, *, limit: int) -> Any:
        other.execute("SELECT pg_notify('workflows_due', '')")
        return look_ahead(own, limit=limit)

    monkeypatch.setattr(queue, "look_ahead", ring_and_look)

    _, took = wait_and_time(bell)

    assert took < 0.8


def test_with_everybody_busy_it_does_not_even_look(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(flows.three_steps)
    monkeypatch.setattr(shared, "busy_slots", lambda: WORKERS)
    monkeypatch.setattr(queue, "look_ahead", refuse)

    called, took = wait_and_time(bell)

    assert (called, took > 0.9) == (0, True)


def refuse(*args: object, **kwargs: object) -> None:
    """Stand where nobody may pass."""
    raise AssertionError("called")


def test_it_wakes_when_a_busy_worker_falls_idle(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(flows.three_steps)
    monkeypatch.setattr(room, "_wait_for_any", lambda readable, seconds: shared.set_busy(0))
    shared.set_busy(1)
    monkeypatch.setattr(bell, "_slots", 1)

    assert bell.wait() == 0
    assert shared._watched.value is False
    assert bell.wait() == 1


def test_a_worker_that_falls_idle_before_the_nap_keeps_it_awake(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = iter([WORKERS, 0])
    monkeypatch.setattr(shared, "busy_slots", lambda: next(busy))

    _, took = wait_and_time(bell)

    assert took < 0.8


def test_the_runs_of_the_dead_go_back_to_the_queue(bell: Bell, settings: Any) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "poll_seconds": 0.001}
    run = start(flows.three_steps)
    claim_run(worker_id=2**31 - 1, lease_seconds=60)

    assert [bell.wait(), bell.wait()] == [
        0,
        1,
    ]  # a worker that has lost only its connection is back
    assert get_run(run.id).state == RunState.PENDING


def test_a_listener_that_raises_stops_nobody(bell: Bell, settings: Any) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "poll_seconds": 0.001}
    start(flows.three_steps)
    claim_run(worker_id=2**31 - 1, lease_seconds=60)
    signals.runs_recovered.connect(refuse)

    try:
        assert [bell.wait(), bell.wait()] == [0, 1]
    finally:
        signals.runs_recovered.disconnect(refuse)


def test_a_lost_connection_is_opened_again(bell: Bell) -> None:
    start(flows.three_steps)
    rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'workflows' AND datname = current_database()"
    )

    assert bell.wait() == 0
    assert bell.wait() == 1


def test_an_outage_is_told_once_and_so_is_its_end(
    bell: Bell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise psycopg.OperationalError("connection\nrefused")

    bell._drop()
    with monkeypatch.context() as outage, caplog.at_level(logging.WARNING, "workflows.cluster"):
        outage.setattr(store, "open_connection", fail)
        for _ in range(3):
            assert bell.wait() == 0
        outage.undo()
        bell.wait()

    assert [record.getMessage() for record in caplog.records] == [
        "the database does not answer, waiting: connection refused",
        "the database answers again",
    ]


def test_an_outage_that_has_another_cause_by_now_is_told_again_soon(
    bell: Bell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    causes = iter(["terminated by an administrator", *["too many clients already"] * 2])

    def fail(*args: object, **kwargs: object) -> None:
        raise psycopg.OperationalError(next(causes))

    bell._drop()
    monkeypatch.setattr(store, "open_connection", fail)
    monkeypatch.setattr(room, "OTHER_CAUSE_AFTER_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, "workflows.cluster"):
        for _ in range(3):
            assert bell.wait() == 0

    assert [record.getMessage() for record in caplog.records] == [
        "the database does not answer, waiting: terminated by an administrator",
        "the database does not answer, waiting: too many clients already",
    ]


def test_a_fault_of_our_own_is_told_and_survived(
    bell: Bell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "look_ahead", refuse)

    assert bell.wait() == 0

    assert "the bell failed; trying on" in caplog.text


def test_a_stopping_cluster_calls_nobody(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    start(flows.three_steps)
    monkeypatch.setattr(shared, "stopping", lambda: True)

    assert bell.wait() == 0


def test_a_stop_ends_the_nap(bell: Bell) -> None:
    shared.stir()

    began = time.monotonic()
    bell._nap(5, bell._connection())

    assert time.monotonic() - began < 0.8
