"""Steps at once: they overlap, stand in order, and each is recorded by itself."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.functions import Now

from workflows.api import (
    Context,
    Permanent,
    RetryPolicy,
    RunState,
    StepFailed,
    cancel,
    current_step,
    get_history,
    get_run,
    retry_now,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.engine.drive import drive
from workflows.engine.replay import recorded_run, replay
from workflows.models import Run
from workflows.store import steps as steps_store
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.testing.clock import clock
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
from workflows.tests.flows import NOW, ONCE, notes

in_threads = pytest.mark.usefixtures("committed")
together = threading.Barrier(2)
PAUSE = threading.Event()
hooks: dict[str, Callable[[], Any]] = {}
"""What a test wants done in the middle of a step, by the step's argument."""


@pytest.fixture(autouse=True)
def no_hooks() -> None:
    hooks.clear()
    together.reset()


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=10, jitter=0))
def work(name: str) -> str:
    notes.note(name)
    hooks.get(name, str)()
    return name.upper()


def undo_work(output: str, name: str) -> None:
    notes.note(f"undo {output}")


@step(retry=ONCE, compensate=undo_work)
def work_once(name: str) -> str:
    notes.note(name)
    hooks.get(name, str)()
    if name.startswith("bad"):
        raise Permanent(f"{name} cannot")
    return name.upper()


@step(atomic=True, retry=NOW)
def make_group(name: str) -> str:
    Group.objects.create(name=name)
    hooks.get(name, str)()
    return name


@step(retry=ONCE, timeout_seconds=0.1)
def hang() -> None:
    hooks["hang"]()


@workflow("tests.gather")
def gathering(run: Context, names: list[str], limit: Any = 8) -> list[str]:
    return run.gather(*[run.call(work, name) for name in names], limit=limit)


@workflow("tests.gather_once")
def gathering_once(run: Context, names: list[str], on_error: str = "stop") -> list[str]:
    calls = [run.call(work_once, name) for name in names]
    try:
        found = run.gather(*calls, limit=1, on_error=on_error)  # type: ignore[arg-type]
    except StepFailed as failed:
        return [failed.message, run.now().isoformat(), run.step(work, "afterwards")]
    return [str(each) for each in found]


@workflow("tests.gather_undone", on_failure="compensate")
def gathering_undone(run: Context, names: list[str]) -> None:
    run.step(work_once, "first")
    run.gather(*[run.call(work_once, name) for name in names], limit=1)


@workflow("tests.gather_after_a_step")
def gathering_after_a_step(run: Context, names: list[str]) -> str:
    run.step(work_once, "first")
    try:
        run.gather(*[run.call(work_once, name) for name in names], on_error="compensate")
    except StepFailed as failed:
        return failed.message
    return "never"


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=500, jitter=0))
def fail_patiently() -> None:
    raise ValueError("not yet")


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=100, jitter=0))
def fail_impatiently() -> None:
    raise ValueError("not yet")


@workflow("tests.gather_patiently")
def gathering_patiently(run: Context) -> None:
    run.gather(run.call(fail_patiently), run.call(fail_impatiently))


@workflow("tests.gather_and_tell_the_time")
def gathering_and_telling_the_time(run: Context, names: list[str]) -> None:
    run.gather(*[run.call(work_once, name) for name in names], on_error="continue")
    notes.note(run.now().isoformat())
    run.sleep(1)


@step
def say(what: Any) -> Any:
    return what


@workflow("tests.gather_anything")
def gathering_anything(run: Context, values: list[Any]) -> list[Any]:
    return run.gather(*[run.call(say, value) for value in values])


@workflow("tests.gather_in_time", deadline_seconds=60)
def gathering_in_time(run: Context, names: list[str], limit: int) -> list[str]:
    return run.gather(*[run.call(work, name) for name in names], limit=limit)


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0, jitter=0))
def refund(output: str, *, name: str) -> None:
    notes.note(f"refund {output} to {name}")
    if name == "nobody":
        raise ValueError("no account")
    if name == "a ghost":
        raise Permanent("no account ever")


@step(retry=ONCE, compensate=refund)
def pay(*, name: str) -> str:
    return name.upper()


@workflow("tests.gather_and_undo_at_once")
def gathering_and_undoing(run: Context, names: list[str]) -> None:
    calls = [run.call(pay, name=name) for name in names]
    try:
        run.gather(*calls, run.call(work_once, "bad"), limit=1, on_error="compensate")
    except StepFailed as failed:
        notes.note(f"{failed.step} {failed.message} {failed.attempts} {failed.permanent}")
        notes.note(run.now().isoformat())
    run.sleep(1)


@workflow("tests.gather_wrongly")
def gathering_wrongly(run: Context, what: str) -> None:
    call: Any = run.call(work, "a")
    if what == "no call":
        run.gather(call, work)  # type: ignore[arg-type]
    if what == "on_error":
        run.gather(call, on_error="ignore")  # type: ignore[arg-type]
    if what == "annotation":
        run.gather(call, run.call(annotate_wrongly))


@step
def annotate_wrongly() -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    notes.note("ran all the same")


@workflow("tests.gather_groups")
def gathering_groups(run: Context, names: list[str]) -> list[str]:
    return run.gather(*[run.call(make_group, name) for name in names])


@workflow("tests.gather_hang")
def gathering_hang(run: Context) -> str:
    run.gather(run.call(hang), run.call(work, "a"), on_error="continue")
    return "went on"


def meet() -> object:
    return together.wait(PATIENCE_SECONDS)


def branch_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("branch thread")]


def fail_at_first() -> None:
    info = current_step()
    if info is not None and info.attempt == 1:
        raise ValueError("not yet")


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


@step(retry=ONCE)
def count_rows(name: str) -> int:
    return Group.objects.filter(name=name).count()


@workflow("tests.reading_together")
def reading_together(run: Context, names: list[str]) -> list[int]:
    return run.gather(*[run.call(count_rows, name) for name in names], limit=2)


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


@pytest.mark.django_db
def test_what_had_completed_before_the_group_stays_as_it_is() -> None:
    driven(gathering_after_a_step, names=["a", "bad"])

    assert notes.done == ["first", "a", "bad", "undo A"]


@pytest.mark.django_db
def test_of_several_failures_the_first_in_the_order_of_the_calls_is_raised() -> None:
    run = driven(gathering_after_a_step, names=["bad one", "bad two"])

    assert run.output == "bad one cannot"


@pytest.mark.django_db
@pytest.mark.parametrize("names", [["a", "b"], ["a", "bad"], ["bad", "b"]])
def test_the_time_after_a_group_is_that_of_its_last_record_also_at_a_replay(
    names: list[str],
) -> None:
    run = driven(gathering_and_telling_the_time, names=names)
    advance(seconds=2)

    ends = (HistoryKind.STEP_COMPLETED, HistoryKind.STEP_FAILED)
    records = [entry.at for entry in get_history(run.id) if entry.kind in ends]
    live, replayed = notes.done[2:]
    assert live == replayed == max(records).isoformat()


@pytest.mark.django_db
def test_the_branch_whose_next_attempt_comes_first_wakes_the_run() -> None:
    run = driven(gathering_patiently)

    first, second = sorted(
        datetime.fromisoformat(entry.data["retry_at"])
        for entry in get_history(run.id)
        if entry.kind == HistoryKind.ATTEMPT_FAILED
    )

    assert run.wake_at == first < second


@pytest.mark.django_db
def test_what_was_undone_and_when_is_the_same_at_a_replay() -> None:
    driven(gathering_and_undoing, names=["ann", "bob"])
    live = list(notes.done)
    advance(seconds=2)

    assert live[:-2] == ["bad", "refund BOB to bob", "refund ANN to ann"]
    assert live[-2] == "work_once bad cannot 1 True"
    assert notes.done[len(live) :] == live[-2:]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "attempts", "told"),
    [
        ("nobody", 2, "refund no account 2 False"),
        ("a ghost", 1, "refund no account ever 1 True"),
    ],
)
def test_what_could_not_be_undone_is_told_in_the_same_words_at_a_replay(
    name: str, attempts: int, told: str
) -> None:
    run = driven(gathering_and_undoing, names=["ann", name])
    live = list(notes.done)
    advance(seconds=2)

    assert live[:-2] == ["bad", *[f"refund {name.upper()} to {name}"] * attempts]
    assert live[-2] == told
    assert notes.done[len(live) :] == live[-2:]
    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.django_db
def test_a_worker_that_stops_undoes_no_further_and_another_does_the_rest() -> None:
    run = start(gathering_and_undoing, names=["ann", "bob"])

    drive(claim(), stopping=lambda: notes.count("refund BOB to bob") > 0)
    given_back, before = get_run(run.id), list(notes.done)
    drive_until_idle()

    assert given_back.state == RunState.PENDING
    assert before == ["bad", "refund BOB to bob"]
    assert notes.done[2] == "refund ANN to ann"


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

    with mock.patch("workflows.engine.threads.GRACE_SECONDS", 0.2):
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


@pytest.mark.django_db
@pytest.mark.parametrize("retry_is_due", [True, False])
def test_a_deadline_that_passes_between_two_attempts_ends_the_run_in_one_drive(
    retry_is_due: bool,
) -> None:
    """It would be woken by the deadline, park until its attempt, and be woken at once again."""
    hooks["a"] = fail_at_first
    run = driven(gathering_in_time, names=["a", "b"], limit=1)
    Run.objects.filter(pk=run.id).update(deadline=Now(), wake_at=Now())
    if retry_is_due:
        clock.move(timedelta(seconds=30))

    drives = drive_until_idle()

    assert (drives, get_run(run.id).state) == (1, RunState.FAILED)
    assert notes.count("a") == 1


@pytest.mark.django_db
def test_a_replay_without_doing_begins_no_branch() -> None:
    hooks["a"] = fail_at_first
    run = driven(gathering, names=["a", "b"])

    assert replay(recorded_run(run.id)) is None

    assert notes.done == ["a", "b"]


@pytest.mark.django_db
def test_results_that_count_for_nothing_are_results() -> None:
    values = [0, "", None, False, []]

    assert driven(gathering_anything, values=values).output == values


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

    with mock.patch("workflows.engine.threads.GRACE_SECONDS", 0.2):
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


class Killed(KeyboardInterrupt):
    """The worker dies here. No step may count it as an error of its own."""


@in_threads
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_worker_killed_at_the_nth_record_of_its_threads_changes_nothing(
    number: int, when: str
) -> None:
    real, calls = steps_store.append, iter(range(1, 100))
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
    with mock.patch.object(steps_store, "append", append), pytest.raises(Killed):
        drive(claim())
    expire_lease(run.id)
    swept()
    drive_until_idle()

    assert get_run(run.id).output == ["a", "b", "c"]
    assert sorted(Group.objects.values_list("name", flat=True)) == ["a", "b", "c"]


@pytest.mark.django_db
def test_killed_anywhere_a_gather_with_retries_ends_the_same() -> None:
    def play() -> None:
        notes.done.clear()
        hooks["b"] = fail_at_first
        start(gathering, names=["a", "b", "c"])
        advance(seconds=15)

    crash_everywhere(play)


@pytest.mark.django_db
def test_killed_anywhere_a_gather_that_undoes_itself_ends_the_same() -> None:
    def play() -> None:
        start(gathering_once, names=["a", "b", "bad"], on_error="continue")
        start(gathering_undone, names=["a", "bad", "b"])

    crash_everywhere(play)


@pytest.mark.django_db
def test_inside_the_transaction_of_a_test_branches_run_one_after_the_other() -> None:
    Group.objects.create(name="seen by the branch")
    hooks["a"] = lambda: notes.note(Group.objects.get().name)

    run = driven(gathering, names=["a", "b"])

    assert run.output == ["A", "B"]
    assert notes.done == ["a", "seen by the branch", "b"]


@pytest.mark.django_db
def test_a_gather_of_nothing_returns_nothing() -> None:
    assert driven(gathering, names=[]).output == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("no call", "is no call: write run.call(step, …)"),
        ("on_error", "on_error is 'ignore'; give"),
        ("annotation", "Nowhere"),
    ],
)
def test_a_gather_that_makes_no_sense_blocks_the_run_before_anything_runs(
    what: str, reason: str
) -> None:
    run = driven(gathering_wrongly, what=what)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert reason in run.error["message"]
    assert (notes.done, kinds(run.id)) == ([], [HistoryKind.BLOCKED])


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_that_makes_no_sense_blocks_the_run_with_the_reason(limit: float) -> None:
    run = driven(gathering, names=["a"], limit=limit)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert f"a limit of {limit}" in run.error["message"]
