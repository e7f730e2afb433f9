"""Steps at once: in order, each recorded by itself, what a failure stops and undoes."""

import asyncio
import threading
from datetime import datetime, timedelta
from itertools import count

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.functions import Now

from workflows.api import (
    RunState,
    cancel,
    get_history,
    get_run,
    start,
)
from workflows.core.history import HistoryKind
from workflows.engine.drive.drive import drive
from workflows.engine.replay_check import recorded_run, replay
from workflows.models import Run
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.testing.clock import clock
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    driven,
    kinds,
    until,
)
from workflows.tests.engine.groups.gathering import (
    async_hooks,
    fail_at_first,
    gathering,
    gathering_after_a_step,
    gathering_and_telling_the_time,
    gathering_and_undoing,
    gathering_anything,
    gathering_async,
    gathering_async_and_plain,
    gathering_groups_and_work,
    gathering_in_time,
    gathering_once,
    gathering_patiently,
    gathering_undone,
    gathering_undone_twice,
    gathering_wrongly,
    hooks,
    in_threads,
)
from workflows.tests.flows import notes


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
def test_what_a_group_could_not_undo_is_tried_again_when_the_run_undoes_itself() -> None:
    run = driven(gathering_undone_twice, name="a ghost")

    assert run.state == RunState.FAILED
    assert notes.done == ["bad", *["refund A GHOST to a ghost"] * 2]


@pytest.mark.django_db
def test_a_worker_that_stops_undoes_no_further_and_another_does_the_rest() -> None:
    run = start(gathering_and_undoing, names=["ann", "bob"])

    drive(claim(), stopping=lambda: notes.count("refund BOB to bob") > 0)
    given_back, before = get_run(run.id), list(notes.done)
    drive_until_idle()

    assert given_back.state == RunState.PENDING
    assert before == ["bad", "refund BOB to bob"]
    assert notes.done[2] == "refund ANN to ann"


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


@in_threads
def test_a_cancel_is_kept_where_a_branch_that_was_recorded_before_it_ends_behind_it() -> None:
    run = start(gathering_groups_and_work, group="a", name="b")

    def cancel_and_linger() -> None:
        cancel(run.id)
        until(lambda: kinds(run.id).count(HistoryKind.STEP_COMPLETED) == 2)

    hooks["a"] = lambda: transaction.on_commit(cancel_and_linger)
    hooks["b"] = lambda: until(lambda: get_run(run.id).state == RunState.CANCELLING)
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED


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


@in_threads
def test_five_hundred_async_calls_at_once_take_one_thread() -> None:
    names = [f"step {number}" for number in range(500)]
    most: list[int] = []

    async def meet() -> None:
        """Wait until all are here."""
        if notes.count("here") == len(names) - 1:
            most.append(threading.active_count())
            everybody.set()
        notes.note("here")
        await everybody.wait()

    everybody = asyncio.Event()
    before = threading.active_count()
    async_hooks.update(dict.fromkeys(names, meet))
    run = driven(gathering_async, names=names)

    assert run.output == [name.upper() for name in names]
    assert most[0] - before <= 2


@in_threads
def test_async_calls_are_no_more_at_once_than_the_limit() -> None:
    names = ["a", "b", "c", "d", "e"]
    running: list[int] = [0]

    async def note() -> None:
        running.append(running[-1] + 1)
        await asyncio.sleep(0.01)
        running.append(running[-1] - 1)

    async_hooks.update(dict.fromkeys(names, note))
    driven(gathering_async, names=names, limit=2)

    assert max(running) == 2


@in_threads
def test_async_and_plain_calls_of_a_graph_overlap() -> None:
    b_runs, a_runs = threading.Event(), threading.Event()

    async def wait_for_b() -> None:
        a_runs.set()
        await asyncio.to_thread(b_runs.wait, PATIENCE_SECONDS)

    async_hooks["a"] = wait_for_b

    def wait_for_a() -> None:
        b_runs.set()
        a_runs.wait(PATIENCE_SECONDS)

    hooks["b"] = wait_for_a

    assert driven(gathering_async_and_plain).output == ["A", "B", "C"]


@in_threads
def test_async_calls_use_the_orm_over_the_one_connection_of_the_drive() -> None:
    names = [f"group {number}" for number in range(50)]
    seen: set[int] = set()
    numbers = count()

    async def make() -> None:
        await Group.objects.acreate(name=f"made {next(numbers)}")
        seen.add(await sync_to_async(threading.get_ident)())

    async_hooks.update(dict.fromkeys(names, make))
    driven(gathering_async, names=names)

    assert Group.objects.count() == 50
    assert seen == {threading.get_ident()}


@in_threads
def test_a_failed_async_call_is_tried_again_and_the_others_stand() -> None:
    async def fail_once() -> None:
        if notes.count("b") == 1:
            raise ConnectionError("not yet")

    async_hooks["b"] = fail_once
    run = driven(gathering_async, names=["a", "b", "c"])
    advance(seconds=11)

    assert run.state == RunState.WAITING
    assert get_run(run.id).output == ["A", "B", "C"]
    assert [notes.count(name) for name in "abc"] == [1, 2, 1]


@pytest.mark.django_db
def test_killed_anywhere_a_graph_of_async_and_plain_steps_ends_the_same() -> None:
    report = crash_everywhere(lambda: driven(gathering_async_and_plain), pairs=5)

    assert report.boundaries > 10
