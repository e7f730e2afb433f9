"""The threads of a gather: overlap, connections, limits, workers that are lost meanwhile."""

import threading
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from workflows.api import (
    RunState,
    cancel,
    get_history,
    get_run,
    retry_now,
    start,
)
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.store import history as history_store
from workflows.testing import advance, drive_until_idle
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    driven,
    expire_lease,
    give_to_another,
    kinds,
    swept,
    until,
)
from workflows.tests.engine.groups.gathering import (
    PAUSE,
    Killed,
    branch_threads,
    fail_at_first,
    gathering,
    gathering_groups,
    gathering_hang,
    gathering_once,
    gathering_undone,
    hooks,
    in_threads,
    meet,
    reading_together,
)
from workflows.tests.flows import notes


@in_threads
def test_steps_overlap_inside_one_worker() -> None:
    hooks["a"] = hooks["b"] = meet  # each waits for the other

    run = driven(gathering, names=["a", "b"])

    assert (run.state, run.output) == (RunState.COMPLETED, ["A", "B"])


@in_threads
def test_no_more_than_the_limit_run_at_once() -> None:
    running, at_once = threading.BoundedSemaphore(3), []

    def count() -> None:
        at_once.append(running.acquire(blocking=False))
        hooks["pause"]()
        running.release()

    names = [f"step {number}" for number in range(12)]
    hooks.update(dict.fromkeys(names, count), pause=lambda: notes.note("paused"))

    run = driven(gathering, names=names, limit=3)

    assert run.output == [name.upper() for name in names]
    assert at_once == [True] * 12


@in_threads
def test_results_stand_in_the_order_of_the_calls_not_of_their_ends() -> None:
    b_has_ended = threading.Event()
    hooks["a"] = lambda: b_has_ended.wait(PATIENCE_SECONDS)
    hooks["b"] = b_has_ended.set

    run = driven(gathering, names=["a", "b"])

    assert run.output == ["A", "B"]


@in_threads
@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c", "d"]], ids=len)
def test_a_plain_branch_reads_through_the_orm_at_its_first_attempt(names: list[str]) -> None:
    Group.objects.create(name="a")

    run = driven(reading_together, names=names)

    assert run.output == [1, 0, 0, 0][: len(names)]
    assert HistoryKind.ATTEMPT_FAILED not in kinds(run.id)


@in_threads
@pytest.mark.parametrize("most", [0, 1])
def test_a_machine_without_room_for_threads_runs_the_branches_all_the_same(most: int) -> None:
    started: list[threading.Thread] = []
    start_thread = threading.Thread.start

    def start_a_few(thread: threading.Thread) -> None:
        if thread.name.startswith("branch"):
            if len(started) >= most:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start_thread(thread)

    with mock.patch.object(threading.Thread, "start", start_a_few):
        run = driven(gathering, names=["a", "b", "c"])

    assert run.output == ["A", "B", "C"]
    assert sorted(notes.done) == ["a", "b", "c"]


@in_threads
def test_each_branch_has_a_connection_of_its_own_that_is_closed_afterwards() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    seen: set[int] = set()

    def look() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return seen.add(cursor.fetchone()[0])  # type: ignore[func-returns-value]

    hooks["a"] = lambda: (meet(), look())
    hooks["b"] = lambda: (meet(), look())
    driven(gathering, names=["a", "b"])

    def are_gone() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [list(seen)]
            )
            return bool(cursor.fetchone()[0] == 0)

    assert len(seen - {mine}) == 2
    assert until(are_gone)  # the server may take a moment


@in_threads
def test_a_branch_that_leaves_a_transaction_open_in_its_thread_fails() -> None:
    hooks["a"] = lambda: transaction.set_autocommit(False)

    run = driven(gathering, names=["a"])

    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.ATTEMPT_FAILED]
    assert "left a transaction open" in failed.data["error"]["message"]


@in_threads
def test_without_a_limit_told_steps_overlap_all_the_same() -> None:
    hooks["a"] = hooks["b"] = meet

    assert driven(gathering_groups, names=["a", "b"]).output == ["a", "b"]


@in_threads
def test_atomic_branches_commit_each_with_its_record() -> None:
    run = driven(gathering_groups, names=["a", "b", "c"])

    assert run.output == ["a", "b", "c"]
    assert Group.objects.count() == 3


@in_threads
def test_a_failed_branch_waits_for_its_next_attempt_without_holding_a_worker() -> None:
    hooks["b"] = fail_at_first

    run = driven(gathering, names=["a", "b", "c"])
    advance(seconds=11)

    assert run.state == RunState.WAITING
    assert get_run(run.id).output == ["A", "B", "C"]
    assert [notes.count(name) for name in "abc"] == [1, 2, 1]


@in_threads
def test_an_operator_may_have_the_next_attempt_at_once() -> None:
    hooks["b"] = fail_at_first
    run = driven(gathering, names=["a", "b"])

    assert retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).output == ["A", "B"]


@in_threads
def test_a_failure_stops_what_has_not_begun_and_is_raised_after_what_has() -> None:
    run = driven(gathering_once, names=["a", "bad", "c"])

    assert run.output[0] == "bad cannot"
    assert run.output[2] == "AFTERWARDS"
    assert notes.done == ["a", "bad", "afterwards"]


@in_threads
def test_with_continue_a_failure_stands_in_the_place_of_its_result() -> None:
    run = driven(gathering_once, names=["a", "bad", "c"], on_error="continue")

    assert [run.output[0], run.output[2]] == ["A", "C"]
    assert "bad cannot" in run.output[1]


@in_threads
def test_with_compensate_the_completed_are_undone_the_last_first() -> None:
    run = driven(gathering_once, names=["a", "b", "bad"], on_error="compensate")

    assert run.output[0] == "bad cannot"
    assert notes.done == ["a", "b", "bad", "undo B", "undo A", "afterwards"]


@in_threads
def test_a_run_that_fails_later_undoes_its_groups_too() -> None:
    run = driven(gathering_undone, names=["a", "b", "bad"])

    assert run.state == RunState.COMPENSATED
    assert notes.done[-3:] == ["undo B", "undo A", "undo FIRST"]


@in_threads
@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_threads_than_attempts_at_a_time_and_none_is_left(limit: int) -> None:
    """A step that is stuck in one must not keep its process from ending: they are daemons."""
    seen: list[list[bool]] = []
    names = ["a", "b", "c", "d"]
    hooks.update(dict.fromkeys(names, lambda: seen.append([t.daemon for t in branch_threads()])))

    driven(gathering, names=names, limit=limit)

    assert [len(each) <= limit and all(each) for each in seen] == [True] * 4
    assert branch_threads() == []


@in_threads
def test_a_branch_that_cannot_be_stopped_is_given_up_whatever_the_others_do() -> None:
    released = threading.Event()
    hooks["hang"] = hooks["a"] = lambda: released.wait(60)
    start(gathering_hang)

    with mock.patch("workflows.engine.attempts.ends.GRACE_SECONDS", 0.2):
        worn_out = drive(claim())
    still_there = len(branch_threads())
    released.set()

    assert worn_out
    assert still_there == 2


@in_threads
def test_a_cancel_lets_what_runs_end_and_starts_nothing_more() -> None:
    run = start(gathering, names=["a", "b", "c"], limit=1)
    hooks["a"] = lambda: cancel(run.id)

    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert notes.done == ["a"]


@in_threads
def test_a_cancel_waits_for_what_still_runs_and_records_it() -> None:
    run = start(gathering, names=["a", "b"])

    def a_is_recorded() -> bool:
        return HistoryKind.STEP_COMPLETED in kinds(run.id)

    hooks["a"] = lambda: cancel(run.id)
    hooks["b"] = lambda: (until(a_is_recorded), PAUSE.wait(0.05))
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert kinds(run.id).count(HistoryKind.STEP_COMPLETED) == 2


@in_threads
def test_a_worker_that_stops_gives_the_run_back_and_another_does_the_rest() -> None:
    run = start(gathering, names=["a", "b", "c"], limit=1)

    drive(claim(), stopping=lambda: notes.count("a") > 0)
    given_back = get_run(run.id)
    drive_until_idle()

    assert given_back.state == RunState.PENDING
    assert get_run(run.id).output == ["A", "B", "C"]
    assert notes.done == ["a", "b", "c"]


@in_threads
def test_branches_of_a_worker_that_has_lost_its_lease_record_nothing() -> None:
    start(gathering, names=["a", "b"])
    zombie = claim()
    hooks["a"] = lambda: (give_to_another(zombie), meet())
    hooks["b"] = meet

    drive(zombie)

    assert HistoryKind.STEP_COMPLETED not in kinds(zombie.id)
    assert Run.objects.get(pk=zombie.id).state == RunState.RUNNING


@in_threads
def test_a_branch_over_its_limit_is_stopped_and_fails_alone() -> None:
    def spin() -> None:
        while True:
            pass

    hooks["hang"] = spin
    run = driven(gathering_hang)

    assert run.output == "went on"
    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.STEP_FAILED]
    assert "limit of 0.1 s" in failed.data["error"]["message"]


@in_threads
def test_a_branch_that_cannot_be_stopped_ends_its_process_and_the_run_goes_on_elsewhere() -> None:
    released = threading.Event()
    hooks["hang"] = lambda: released.wait(60)  # in one call of C, where nothing can be raised
    run = start(gathering_hang)

    with mock.patch("workflows.engine.attempts.ends.GRACE_SECONDS", 0.2):
        worn_out = drive(claim())
    hooks["hang"] = str
    expire_lease(run.id)
    [(_, _, state)] = swept()
    drive_until_idle()
    released.set()

    assert worn_out
    assert state == RunState.PENDING
    assert get_run(run.id).output == "went on"
    assert Run.objects.get(pk=run.id).crashes == 1


@in_threads
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_worker_killed_at_the_nth_record_of_its_threads_changes_nothing(
    number: int, when: str
) -> None:
    real, calls = history_store.append, iter(range(1, 100))
    lock = threading.Lock()

    def append(run: ClaimedRun, fact: Fact, **options: Any) -> Any:
        with lock:
            now = next(calls) == number
        if now and when == "before":
            raise Killed
        written = real(run, fact, **options)
        if now:
            raise Killed
        return written

    run = start(gathering_groups, names=["a", "b", "c"])
    with mock.patch.object(history_store, "append", append), pytest.raises(Killed):
        drive(claim())
    expire_lease(run.id)
    swept()
    drive_until_idle()

    assert get_run(run.id).output == ["a", "b", "c"]
    assert sorted(Group.objects.values_list("name", flat=True)) == ["a", "b", "c"]
