"""A paused run stays as it is until it is resumed; then what fell due meanwhile happens."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from workflows.api import (
    Context,
    RetryPolicy,
    RunNotFound,
    RunState,
    cancel,
    current_step,
    get_history,
    get_run,
    list_runs,
    pause,
    resume,
    retry,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.testing.killing import release_the_held
from workflows.tests.builders import driven, expire_lease, kinds, started_and_claimed
from workflows.tests.flows import greet, greet_once, notes, sleep_a_while, wait_for_go

pytestmark = pytest.mark.django_db


@step
def pause_the_run(run_id: uuid.UUID) -> str:
    pause(run_id, by="a step")
    return "asked"


@step(atomic=True)
def pause_with_the_record(run_id: uuid.UUID) -> None:
    pause(run_id, by="a step")


@workflow("tests.pausing_here_and_there")
def here_and_there(run: Context) -> Any:
    run.step(greet, "Ann")
    run.step(pause_with_the_record, run.run_id)
    run.start_child(greet_once, name="Bob").result()
    return run.wait_event("go")


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=60, jitter=0))
def second_time() -> str:
    info = current_step()
    assert info is not None
    notes.note(f"attempt {info.attempt}")
    if info.attempt == 1:
        raise ValueError("not yet")
    return "done"


@workflow("tests.pausing_itself")
def pausing_itself(run: Context) -> str:
    run.step(pause_the_run, run.run_id)
    return run.step(greet, "Ann")


@workflow("tests.pausing_before_its_end")
def pausing_before_its_end(run: Context) -> str:
    return run.step(pause_the_run, run.run_id)


@workflow("tests.pausing_before_a_wait")
def pausing_before_a_wait(run: Context) -> Any:
    run.step(pause_the_run, run.run_id)
    return run.wait_event("go")


@workflow("tests.pausing_and_starting")
def pausing_and_starting(run: Context) -> Any:
    run.step(pause_the_run, run.run_id)
    return run.start_child(greet_once, name="Ann").result()


@workflow("tests.pausing_branches")
def pausing_branches(run: Context) -> list[str]:
    run.gather(run.call(pause_the_run, run.run_id), run.call(greet, "Ann"))
    return [run.step(greet, "Bob")]


@workflow("tests.pausing_and_continuing")
def continuing(run: Context, again: bool = True) -> str:
    if again:
        run.continue_as_new(again=False)
    return "ended"


@workflow("tests.paused_retry")
def retrying(run: Context) -> str:
    return run.step(second_time)


@workflow("tests.paused_parent")
def parent(run: Context) -> list[object]:
    run.start_child(wait_for_go, detached=True)
    return [run.start_child(wait_for_go).result()]


def state(run_id: uuid.UUID) -> str:
    return str(get_run(run_id).state)


def driven_again(run_id: uuid.UUID) -> Any:
    drive_until_idle()
    return get_run(run_id)


def test_a_run_that_nobody_has_driven_waits_until_it_is_resumed() -> None:
    run = start(greet_once, name="Ann")

    assert pause(run.id, by="alice", reason="a fire drill", via="test")
    assert not pause(run.id)
    paused = driven_again(run.id)

    assert (paused.state, paused.wake_at, paused.pausing) == (RunState.PAUSED, None, True)
    said = {"by": "alice", "reason": "a fire drill", "via": "test"}
    assert [(line.kind, line.data) for line in get_history(run.id)] == [("paused", said)]
    assert resume(run.id, by="bob")
    assert not resume(run.id)
    assert driven_again(run.id).output == "Hello, Ann"
    assert kinds(run.id)[:2] == ["paused", "resumed"]


@pytest.mark.parametrize(
    "made", [pausing_itself, pausing_before_its_end, pausing_before_a_wait, pausing_branches]
)
def test_a_run_that_is_driven_pauses_at_its_next_operation(made: Callable[..., Any]) -> None:
    run = driven(made)

    assert run.state == RunState.PAUSED
    assert "step_completed" in kinds(run.id)
    assert "greet Bob" not in notes.done
    resume(run.id)
    again = driven_again(run.id)
    if made is pausing_before_a_wait:
        send_event(run.id, "go", "yes")
        again = driven_again(run.id)
    assert again.state == RunState.COMPLETED


def test_it_starts_no_child_before_it_is_resumed() -> None:
    run = driven(pausing_and_starting)
    assert (run.state, list_runs(parent=run.id)) == (RunState.PAUSED, [])

    resume(run.id)

    assert driven_again(run.id).output == "Hello, Ann"


def test_a_timer_rings_at_resume_and_never_earlier() -> None:
    run = driven(sleep_a_while, seconds=60)
    pause(run.id)
    advance(seconds=30)
    resume(run.id)
    assert driven_again(run.id).state == RunState.WAITING
    pause(run.id)
    advance(seconds=31)
    assert state(run.id) == RunState.PAUSED

    resume(run.id)

    assert driven_again(run.id).state == RunState.COMPLETED


def test_the_next_attempt_is_made_at_resume_and_not_before_its_time() -> None:
    run = driven(retrying)
    pause(run.id)
    resume(run.id)
    assert driven_again(run.id).state == RunState.WAITING
    assert notes.done == ["attempt 1"]
    pause(run.id)
    advance(seconds=61)
    assert notes.done == ["attempt 1"]

    resume(run.id)

    assert driven_again(run.id).output == "done"


def test_an_event_is_kept_and_heard_at_resume() -> None:
    run = driven(wait_for_go, timeout_seconds=60)
    pause(run.id)
    send_event(run.id, "other", 1)
    resume(run.id)
    assert state(run.id) == RunState.WAITING
    pause(run.id)
    send_event(run.id, "go", "yes")
    assert driven_again(run.id).state == RunState.PAUSED

    resume(run.id)

    assert driven_again(run.id).output == "yes"


def test_its_deadline_goes_on() -> None:
    run = start(wait_for_go, deadline_seconds=60)
    drive_until_idle()
    pause(run.id)
    advance(seconds=61)
    assert state(run.id) == RunState.PAUSED

    resume(run.id)

    assert (driven_again(run.id).error or {})["type"].endswith("DeadlineExceeded")


def test_children_pause_and_resume_with_it_and_detached_ones_go_on() -> None:
    run = driven(parent)
    pause(run.id)
    assert sorted(each.state for each in list_runs(workflow=wait_for_go)) == ["paused", "waiting"]
    (child,) = [each for each in list_runs(workflow=wait_for_go) if each.state == RunState.PAUSED]
    send_event(child.id, "go", 1)
    assert driven_again(run.id).state == RunState.PAUSED

    resume(run.id)

    assert driven_again(run.id).output == [1]


def test_a_childs_end_that_comes_meanwhile_is_heard_at_resume() -> None:
    run = driven(parent)
    (child,) = list_runs(parent=run.id, state="waiting", limit=1)
    for each in list_runs(parent=run.id):
        send_event(each.id, "go", 1)
    pause(run.id)
    for each in list_runs(parent=run.id, state="paused"):
        resume(each.id)
    assert driven_again(child.id).state == RunState.COMPLETED
    assert state(run.id) == RunState.PAUSED

    resume(run.id)

    assert driven_again(run.id).output == [1]


def test_it_can_be_cancelled() -> None:
    run = driven(wait_for_go)
    pause(run.id)

    assert cancel(run.id)

    assert state(run.id) == RunState.CANCELLED
    assert not resume(run.id)


def test_a_run_that_was_to_pause_and_is_resumed_before_it_did_goes_on() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    pause(run.id)
    assert (state(run.id), get_run(run.id).pausing) == (RunState.RUNNING, True)
    resume(run.id)

    drive(run)

    assert get_run(run.id).output == "Hello, Ann"


def test_a_run_whose_worker_is_lost_is_paused_all_the_same() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    pause(run.id)
    expire_lease(run.id)

    release_the_held()

    assert state(run.id) == RunState.PAUSED
    resume(run.id)
    assert driven_again(run.id).output == "Hello, Ann"


def test_the_run_that_goes_on_for_it_is_paused() -> None:
    run = started_and_claimed(continuing)
    pause(run.id)

    drive(run)

    newest = get_run(run.id).continued_as
    assert newest is not None
    assert driven_again(newest).state == RunState.PAUSED
    resume(run.id)
    assert driven_again(newest).output == "ended"


@pytest.mark.parametrize("verb", [retry, retry_now])
def test_no_retry_takes_it_out_of_its_pause(verb: Callable[..., bool]) -> None:
    run = driven(wait_for_go)
    pause(run.id)

    assert not verb(run.id)

    assert state(run.id) == RunState.PAUSED


@pytest.mark.parametrize("verb", [pause, resume])
def test_nobody_can_pause_what_does_not_exist(verb: Callable[..., bool]) -> None:
    with pytest.raises(RunNotFound):
        verb(uuid.uuid4())


def test_killed_anywhere_a_paused_run_goes_on_the_same() -> None:
    def play() -> None:
        notes.done.clear()
        run = start(here_and_there)
        pause(run.id)
        for event in (None, None, "go"):
            drive_until_idle()
            assert state(run.id) == RunState.PAUSED
            if event is not None:
                send_event(run.id, event, 1)
            resume(run.id, by="alice")
            drive_until_idle()
            pause(run.id)
        resume(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)
