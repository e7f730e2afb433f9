"""A worker's id and lease, through cuts, notices and slow statements."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from workflows import signals
from workflows.api import start
from workflows.cluster.liveness import LOOK_AFTER_IT_SECONDS, Hold, Liveness
from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.engine.served_code import code_here
from workflows.store import lent_connections
from workflows.store import workers as store
from workflows.store.database import Connection
from workflows.store.queue import claim_run
from workflows.store.schema import LIVING
from workflows.tests.builders import counted_statements
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import PATIENCE_SECONDS, Lab, rows, wait_for

BACKENDS = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE application_name = 'workflows' AND datname = current_database()"
)


@pytest.fixture
def liveness(lab: Lab) -> Iterator[Liveness]:
    """Return the sign of life of a worker that has just been born."""
    liveness = Liveness()
    yield liveness
    liveness.lose()


def cut() -> None:
    """Terminate every connection of the engine's own."""
    rows("SELECT pg_terminate_backend(pid) FROM (" + BACKENDS + ") AS ours")
    wait_for(lambda: rows(BACKENDS) == [], "the cut")


def living() -> set[int]:
    """Return the ids whose locks are held."""
    return {worker_id for (worker_id,) in rows(LIVING)}


def test_the_id_s_lock_is_held_until_it_is_given_up(liveness: Liveness) -> None:
    worker_id = liveness.worker_id()
    held = living()

    liveness.lose()

    assert held == {worker_id}
    wait_for(lambda: living() == set(), "the lock to be freed")


def test_an_unbroken_session_keeps_its_id(liveness: Liveness) -> None:
    assert liveness.worker_id() == liveness.worker_id()


def test_the_row_of_a_worker_says_what_it_has_code_for(liveness: Liveness) -> None:
    worker_id = liveness.worker_id()

    [[workflows, versions]] = rows(
        "SELECT workflows, versions FROM workflows_worker WHERE id = %s", worker_id
    )

    assert list(code_here())[:2] == [workflows, versions]


def test_each_id_that_a_worker_takes_is_announced(liveness: Liveness) -> None:
    came: list[int] = []

    def listen(*, worker_id: int, pid: int, **_: object) -> None:
        assert pid == os.getpid()
        came.append(worker_id)

    signals.worker_came.connect(listen)
    try:
        first = liveness.worker_id()
        liveness.lose()
        second = liveness.worker_id()
    finally:
        signals.worker_came.disconnect(listen)

    assert came == [first, second]


def test_a_broken_session_means_a_new_id(liveness: Liveness) -> None:
    before = liveness.worker_id()

    cut()

    assert liveness.worker_id() > before
    assert living() == {liveness.worker_id()}


def test_what_a_server_says_unasked_does_not_mean_that_it_hung_up(liveness: Liveness) -> None:
    before = liveness.worker_id()
    assert liveness._own is not None
    liveness._own.execute("LISTEN something_else")

    rows("SELECT pg_notify('something_else', '')")
    assert select.select([liveness._own.fileno()], [], [], 5)[0], "it is readable"

    assert liveness.worker_id() == before


def test_without_a_database_there_is_no_id_but_an_error_of_django_s(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(alias: str) -> None:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(store, "open_connection", fail)

    with pytest.raises(OperationalError, match="connection refused"):
        liveness.worker_id()


def test_a_session_that_cannot_enlist_is_closed(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(own: Connection, **given: Any) -> int:
        raise psycopg.errors.UndefinedTable("no table")

    monkeypatch.setattr(store, "enlist", fail)

    with pytest.raises(OperationalError):
        liveness.worker_id()
    wait_for(lambda: rows(BACKENDS) == [], "the session to be closed")


def test_the_id_is_taken_and_taken_again_without_being_asked(liveness: Liveness) -> None:
    liveness._tick()
    [first] = living()
    cut()

    liveness._tick()

    [second] = living()
    assert second > first


def test_a_silent_network_is_noticed_within_the_lease(liveness: Liveness) -> None:
    liveness.worker_id()

    assert liveness._own is not None
    known = liveness._own.info.get_parameters()

    assert known["tcp_user_timeout"] == "15000"
    assert known["keepalives_idle"] == "10"


def held_run(liveness: Liveness) -> ClaimedRun:
    """Return a run that this worker drives."""
    start(flows.three_steps)
    run = claim_run(worker_id=liveness.worker_id(), lease_seconds=1)
    assert run is not None
    liveness.hold(run)
    only_hold(liveness).extended_at = -1e9
    return run


def only_hold(liveness: Liveness) -> Hold:
    """Return what this worker holds."""
    [hold] = liveness._holds.values()
    return hold


def test_the_lease_of_a_held_run_is_extended(liveness: Liveness) -> None:
    held_run(liveness)
    before = rows("SELECT lease_until FROM workflows_run")

    liveness._tick()

    assert rows("SELECT lease_until FROM workflows_run") > before


def test_a_worker_that_was_cut_takes_its_run_back_under_its_new_id(liveness: Liveness) -> None:
    held_run(liveness)
    only_hold(liveness).extended_at = time.monotonic()
    cut()

    liveness._tick()

    [holder] = rows("SELECT worker_id FROM workflows_run")
    assert holder in {(each,) for each in living()}


def test_a_cut_is_noticed_at_once(liveness: Liveness) -> None:
    held_run(liveness)
    only_hold(liveness).extended_at = time.monotonic()
    before = rows("SELECT worker_id FROM workflows_run")
    looks = threading.Thread(target=look_once, args=[liveness])
    looks.start()
    time.sleep(0.1)  # into its wait

    started = time.monotonic()
    rows("SELECT pg_terminate_backend(pid) FROM (" + BACKENDS + ") AS ours")
    looks.join()

    assert rows("SELECT worker_id FROM workflows_run") != before
    assert time.monotonic() - started < LOOK_AFTER_IT_SECONDS
    assert liveness.broke_since(time.monotonic())


def look_once(liveness: Liveness) -> None:
    """One round of looking after the id, with a long wait."""
    liveness._wait(PATIENCE_SECONDS)
    liveness._tick()


def test_connections_that_the_worker_does_not_need_are_closed(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, raw = lent_connections.begin(1), store.open_connection(conf().direct_database)
    pool.take("a drive")
    pool.give("a drive", raw, None)
    try:
        liveness.close_what_is_idle()
        assert not raw.closed
        monkeypatch.setattr(lent_connections, "IDLE_SECONDS", 0)

        liveness.close_what_is_idle()

        assert raw.closed
    finally:
        lent_connections.end()


@pytest.mark.parametrize(("slots", "closed"), [(1, False), (2, True)])
def test_with_one_slot_the_connection_of_a_drive_under_way_stays(
    liveness: Liveness, monkeypatch: pytest.MonkeyPatch, slots: int, closed: bool
) -> None:
    monkeypatch.setattr(lent_connections, "IDLE_SECONDS", 0)
    pool, raw = lent_connections.begin(1), store.open_connection()
    pool.take("a drive")
    pool.give("a drive", raw, None)
    held_run(liveness)
    try:
        with override_settings(WORKFLOWS={"slots": slots}):
            liveness.close_what_is_idle()

        assert raw.closed == closed
    finally:
        lent_connections.end()


def test_a_run_that_was_given_up_is_not_taken_back(liveness: Liveness) -> None:
    held_run(liveness)
    before = rows("SELECT worker_id FROM workflows_run")

    liveness.lose()
    liveness._tick()

    assert rows("SELECT worker_id FROM workflows_run") == before


def test_a_whole_session_has_not_broken(liveness: Liveness) -> None:
    liveness.worker_id()

    assert not liveness.broke_since(time.monotonic())


def test_the_lease_of_a_run_that_went_to_another_is_not(liveness: Liveness) -> None:
    held_run(liveness)
    taken = "UPDATE workflows_run SET attempt = attempt + 1 RETURNING lease_until"
    before = rows(taken)

    liveness._tick()

    assert rows("SELECT lease_until FROM workflows_run") == before


def test_a_row_that_others_have_locked_keeps_nobody_waiting(liveness: Liveness) -> None:
    held_run(liveness)
    before = rows("SELECT lease_until FROM workflows_run")
    with store.open_connection(conf().direct_database) as other, other.transaction():
        other.execute("SELECT FROM workflows_run FOR UPDATE")

        liveness._tick()

    assert rows("SELECT lease_until FROM workflows_run") == before
    liveness._tick()
    assert rows("SELECT lease_until FROM workflows_run") > before


def in_a_thread(hold: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    """Let another slot hold something; what is returned lets it do the rest, and waits for that."""
    held, go_on = threading.Event(), threading.Event()

    def slot() -> None:
        hold()
        held.set()
        go_on.wait(PATIENCE_SECONDS)
        then()
        connection.close()

    thread = threading.Thread(target=slot, daemon=True)
    thread.start()
    assert held.wait(PATIENCE_SECONDS)

    def end() -> None:
        go_on.set()
        thread.join(PATIENCE_SECONDS)

    return end


def claim_another(liveness: Liveness, *, told: bool = True) -> None:
    """Claim one more run in this thread; told: the answer has come."""
    start(flows.three_steps)
    run = claim_run(worker_id=liveness.worker_id(), lease_seconds=60)
    if told:
        liveness.hold(run)


def holders() -> list[int]:
    """Return the ids under which runs are held, in the order of their claims."""
    return [each for (each,) in rows("SELECT worker_id FROM workflows_run ORDER BY created_at")]


def test_the_leases_of_all_runs_are_extended_by_one_statement(liveness: Liveness) -> None:
    held_run(liveness)
    end = in_a_thread(lambda: claim_another(liveness), lambda: liveness.hold(None))
    for hold in liveness._holds.values():
        hold.extended_at = -1e9

    with counted_statements() as sent:
        liveness._tick()

    assert len(sent) == 1
    end()


@pytest.mark.parametrize("told", [True, False])
def test_what_one_slot_loses_costs_its_neighbours_nothing(liveness: Liveness, told: bool) -> None:
    held_run(liveness)
    end = in_a_thread(lambda: claim_another(liveness, told=told), liveness.lose)
    [before, lost] = holders()

    end()
    liveness._tick()

    [now, left] = holders()
    assert before == lost == left
    assert now > before
    assert living() == {now}


def test_an_id_is_kept_while_a_neighbour_s_row_is_locked(liveness: Liveness) -> None:
    run = held_run(liveness)
    end = in_a_thread(lambda: claim_another(liveness), liveness.lose)
    [before, _] = holders()
    end()
    with store.open_connection(conf().direct_database) as other, other.transaction():
        other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [run.id])

        liveness._tick()
        kept = before in living()

    liveness._tick()
    assert kept
    assert before not in living()


def test_an_id_is_kept_while_a_neighbour_claims_under_it(liveness: Liveness) -> None:
    held_run(liveness)
    end = in_a_thread(lambda: claim_another(liveness), liveness.lose)
    claimed = in_a_thread(lambda: claim_another(liveness, told=False), lambda: liveness.hold(None))
    [before, *_] = holders()
    end()

    liveness._tick()
    kept = before in living()

    claimed()
    liveness._tick()
    assert kept
    assert before not in living()
