"""Chores: each in its time, one that fails is told and stops no other; what they find is announced."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db.models.functions import Now
from django.dispatch import Signal

from workflows import signals
from workflows.api import RunState, cancel, get_history, get_run, start
from workflows.cluster import chores, held_runs, shared
from workflows.cluster.chores import Chore, Chores
from workflows.cluster.database_watch import DatabaseWatch
from workflows.cluster.worker_identity import place
from workflows.conf import conf
from workflows.models import Run, Worker
from workflows.store.database import Connection
from workflows.store.queue import Code
from workflows.store.workers import count_living, enlist, open_connection
from workflows.tests.builders import claim, connected, expire_lease, row, swept, until
from workflows.tests.cluster.lab import Lab
from workflows.tests.cluster.slots import as_a_worker
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.usefixtures("lab")
HOURS = 3600.0


@pytest.fixture
def own(lab: Lab) -> Iterator[Connection]:
    with connected() as own:
        yield own


@contextmanager
def heard(*listened: Signal) -> Iterator[list[dict[str, Any]]]:
    """Collect what these signals say."""
    found: list[dict[str, Any]] = []

    def listen(**said: Any) -> None:
        found.append(said)

    for signal in listened:
        signal.connect(listen)
    try:
        yield found
    finally:
        for signal in listened:
            signal.disconnect(listen)


def chore(name: str, do: Callable[[Connection], None], every_seconds: float = 0.0) -> Chore:
    return Chore(name=name, every_seconds=lambda: every_seconds, do=do)


def fail(own: Connection) -> None:
    own.execute("SELECT nonsense")


def test_a_chore_that_fails_is_told_once_and_the_others_are_done(own: Connection) -> None:
    done: list[str] = []
    account = Chores([chore("bad", fail), chore("good", lambda own: done.append("good"))])

    with heard(signals.chore_failed) as told:
        account.do_what_is_due(own, DatabaseWatch())
        account.do_what_is_due(own, DatabaseWatch())

    assert done == ["good", "good"]
    [said] = told
    assert (said["chore"], type(said["error"])) == ("bad", psycopg.errors.UndefinedColumn)


def test_a_chore_that_fails_again_after_it_was_well_is_told_again(own: Connection) -> None:
    turns = iter([fail, lambda own: None, fail])
    account = Chores([chore("now and then", lambda own: next(turns)(own))])

    with heard(signals.chore_failed) as told:
        for _ in range(3):
            account.do_what_is_due(own, DatabaseWatch())

    assert len(told) == 2


def test_a_fault_of_our_own_in_a_chore_is_told_too(own: Connection) -> None:
    def slip(own: Connection) -> None:
        raise ZeroDivisionError("a slip")

    with heard(signals.chore_failed) as told:
        Chores([chore("slips", slip)]).do_what_is_due(own, DatabaseWatch())

    assert [type(said["error"]) for said in told] == [ZeroDivisionError]


def test_a_chore_waits_for_its_time(own: Connection) -> None:
    done: list[str] = []
    account = Chores([chore("seldom", lambda own: done.append("once"), every_seconds=HOURS)])

    account.do_what_is_due(own, DatabaseWatch())
    account.do_what_is_due(own, DatabaseWatch())

    assert done == ["once"]


def test_a_lost_connection_is_no_fault_of_a_chore() -> None:
    own = open_connection(conf().direct_database)
    with connected() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [own.info.backend_pid])

    with heard(signals.chore_failed) as told, pytest.raises(psycopg.OperationalError):
        until(lambda: Chores(chores.CHORES).do_what_is_due(own, DatabaseWatch()))

    assert told == []


def lost(max_crashes: int, settings: Any) -> Any:
    settings.WORKFLOWS = {"max_crashes": max_crashes}
    start(greet_once, name="Alice")
    run = claim()
    expire_lease(run.id)
    return run


def test_a_run_whose_worker_was_lost_too_often_is_announced_as_blocked(
    own: Connection, settings: Any
) -> None:
    run = lost(1, settings)

    with heard(signals.run_blocked) as told:
        chores.Sweep()(own)

    [said] = told
    assert (said["run_id"], said["workflow"]) == (run.id, "tests.greet")
    assert said["error"]["type"] == "TooManyCrashes"
    assert swept() == []


def test_a_run_that_was_being_cancelled_when_its_worker_was_lost_is_announced_as_ended(
    own: Connection, settings: Any
) -> None:
    run = lost(5, settings)
    cancel(run.id)

    with heard(signals.run_finished, signals.runs_recovered) as told:
        chores.Sweep()(own)

    recovered, ended = told
    assert recovered["runs"] == [(run.id, "tests.greet", RunState.CANCELLED)]
    assert (ended["run_id"], ended["state"], ended["error"]) == (run.id, RunState.CANCELLED, None)


def test_a_run_that_goes_back_to_the_queue_is_announced_as_recovered_only(
    own: Connection, settings: Any
) -> None:
    run = lost(5, settings)

    with heard(signals.run_finished, signals.run_blocked, signals.runs_recovered) as told:
        chores.Sweep()(own)

    [said] = told
    assert said["runs"] == [(run.id, "tests.greet", RunState.PENDING)]
    assert said["reasons"] == [get_history(run.id)[0].data["reason"]]


@pytest.mark.parametrize(("where", "looks"), [(place(), 1), ("another container", 2), ("", 2)])
def test_a_run_is_taken_at_once_from_a_process_seen_dead_and_else_at_the_second_look(
    own: Connection, where: str, looks: int
) -> None:
    ended = subprocess.Popen(["true"])
    wait_for_the_end(ended)
    with connected() as session:
        worker_id = enlist(session, host=socket.gethostname(), pid=ended.pid, place=where)
    until(lambda: count_living() == 0)
    start(greet_once, name="Alice")
    run, sweep, taken = claim(worker_id=worker_id), chores.Sweep(), 0

    while row(run.id)["state"] == "running":
        sweep(own)
        taken += 1

    ended.wait()
    assert taken == looks


def test_who_lost_the_session_together_with_the_pusher_has_not_crashed(own: Connection) -> None:
    """A standby took over: the workers are cut, and the server began long before they did."""
    with connected() as session, connected() as before:
        worker_id, sweep = enlist(session, host="far away", pid=1), chores.Sweep()
        sweep(before)
    until(lambda: count_living() == 0)
    start(greet_once, name="Alice")
    run = claim(worker_id=worker_id)
    expire_lease(run.id)

    sweep(own)

    after = row(run.id)
    assert (after["state"], after["crashes"]) == ("pending", 0)


def test_a_worker_that_is_lost_later_has_crashed_though_the_pusher_was_cut_once(
    own: Connection,
) -> None:
    sweep = chores.Sweep()
    with connected() as before:
        sweep(before)
    with connected() as session:
        worker_id = enlist(session, host="far away", pid=1)
        sweep(own)
    until(lambda: count_living() == 0)
    start(greet_once, name="Alice")
    run = claim(worker_id=worker_id)

    sweep(own)
    sweep(own)

    assert (row(run.id)["state"], row(run.id)["crashes"]) == ("pending", 1)


def wait_for_the_end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a process to have ended, without burying it."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_worker_that_is_gone_is_said_to_have_gone_once(own: Connection) -> None:
    with connected() as session:
        dead = enlist(session, host="here", pid=7)
    Worker.objects.update(started_at=Now() - timedelta(hours=1))

    with heard(signals.worker_went) as told:

        def once_its_lock_is_free() -> list[dict[str, Any]]:
            chores.forget_the_dead(own)
            return told

        until(once_its_lock_is_free)
        chores.forget_the_dead(own)

    [said] = told
    assert (said["worker_id"], said["host"], said["pid"]) == (dead, "here", 7)


@pytest.mark.parametrize("ours", [True, False])
def test_a_dead_worker_of_another_cluster_that_lives_is_left_to_it_for_a_look(
    own: Connection, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    ended = subprocess.Popen(["true"])
    wait_for_the_end(ended)
    monkeypatch.setattr(shared, "_command", os.getpid() if ours else 0)
    with connected() as session:
        worker_id = enlist(
            session,
            host=socket.gethostname(),
            pid=ended.pid,
            place=place(),
            cluster_pid=os.getpid(),
        )
    until(lambda: count_living() == 0)
    start(greet_once, name="Alice")
    run, sweep = claim(worker_id=worker_id), chores.Sweep()

    sweep(own)

    ended.wait()
    assert row(run.id)["state"] == ("pending" if ours else "running")


def test_what_a_dead_worker_held_is_forgotten_once_it_is_dealt_with(own: Connection) -> None:
    ended = subprocess.Popen(["true"])
    wait_for_the_end(ended)
    start(greet_once, name="Alice")
    run, sweep = claim(), chores.Sweep()
    with as_a_worker(ended.pid):
        held_runs.hold(run)

        sweep(own)
        before = held_runs.rows()
        expire_lease(run.id)
        sweep(own)

        ended.wait()
        assert (len(before), held_runs.rows()) == (1, [])


def test_what_is_left_of_a_dead_worker_s_runs_was_lost_with_the_others(
    own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_runs, "_table", held_runs._Table(2))
    ended, sweep = subprocess.Popen(["true"]), chores.Sweep()
    wait_for_the_end(ended)
    for _ in range(2):
        start(greet_once, name="Alice")
    taken, locked = claim(), claim()
    with as_a_worker(ended.pid):
        for run in (taken, locked):
            held_runs.hold(run)
            expire_lease(run.id)
        with connected() as other, other.transaction():
            other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [locked.id])
            sweep(own)
        sweep(own)
        ended.wait()

    for run in (taken, locked):
        assert get_run(run.id).crashes == 0
        assert [line.data["company"] for line in get_history(run.id)] == [1]


def test_code_that_no_living_worker_has_is_told_once(own: Connection) -> None:
    run = start(greet_once, name="Alice")
    Run.objects.update(wake_at=Now() - timedelta(minutes=1))
    ask = chores.AskForCode()

    with connected() as session, heard(signals.code_missing) as told:
        enlist(session, host="here", pid=7, code=Code(["tests.other"], [1]))
        ask(own)
        ask(own)

    [said] = told
    assert (said["workflow"], said["version"], said["runs"]) == ("tests.greet", 1, 1)
    assert said["run_id"] == run.id


def test_what_nobody_takes_is_not_told_for_ever(
    own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    wait_for_the_end(ended)
    start(greet_once, name="Alice")
    sweep = chores.Sweep()
    monkeypatch.setattr(chores, "TELL_FOR_SECONDS", 0.0)
    with as_a_worker(ended.pid):
        held_runs.hold(claim())

        sweep(own)
        before = held_runs.rows()
        sweep(own)

        ended.wait()
        assert (len(before), held_runs.rows()) == (1, [])
