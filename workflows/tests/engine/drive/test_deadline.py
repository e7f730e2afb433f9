"""A run that has not ended by its deadline fails, or undoes what it has done."""

import pytest

from workflows.api import (
    Context,
    Permanent,
    RetryPolicy,
    RunState,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven
from workflows.tests.engine.trips import book, broken
from workflows.tests.flows import greet, notes, wait_for_go

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_broken() -> None:
    broken.clear()


@workflow("tests.hurried", deadline_seconds=60)
def hurried(run: Context) -> str:
    run.step(greet, "Ann")
    run.wait_event("go")
    return run.step(greet, "Bob")


@workflow("tests.hurried_and_undone", deadline_seconds=60, on_failure="compensate")
def hurried_and_undone(run: Context) -> None:
    run.step(book, "flight")
    run.sleep(3600)


@workflow("tests.hurried_parent", deadline_seconds=60)
def hurried_parent(run: Context) -> None:
    run.start_child(wait_for_go).result()


@workflow("tests.hurried_parent_undone", deadline_seconds=60, on_failure="compensate")
def hurried_parent_undone(run: Context) -> None:
    run.step(book, "flight")
    run.start_child(wait_for_go).result()


@workflow("tests.parent_of_hurried")
def parent_of_hurried(run: Context) -> str:
    try:
        return str(run.start_child(hurried).result())
    except Exception as exc:
        return str(exc)


@workflow("tests.hurried_and_stubborn", deadline_seconds=60)
def hurried_and_stubborn(run: Context) -> str:
    try:
        run.wait_event("go")
    except Exception:
        run.step(greet, "nobody")
    return "swallowed"


IN_TEN_MINUTES = RetryPolicy(attempts=3, first_delay_seconds=600, max_delay_seconds=600, jitter=0)


@step(retry=IN_TEN_MINUTES)
def cannot_undo_yet(output: None) -> None:
    notes.note("undo tried")
    raise ValueError("not yet")


@step(compensate=cannot_undo_yet)
def do_it() -> None: ...


@step
def refuse() -> None:
    raise Permanent("no")


@workflow("tests.hurried_group_undone", deadline_seconds=60)
def hurried_group_undone(run: Context) -> None:
    run.gather(run.call(do_it), run.call(refuse), limit=1, on_error="compensate")


def test_a_deadline_does_not_hurry_the_retries_of_a_compensation() -> None:
    driven(hurried_group_undone)

    advance(seconds=120)
    before = notes.count("undo tried")
    advance(seconds=500)

    assert (before, notes.count("undo tried")) == (1, 2)


def test_a_waiting_run_is_woken_by_its_deadline_and_fails() -> None:
    run = driven(hurried)

    advance(seconds=59)
    before = get_run(run.id).state
    advance(seconds=2)

    found = get_run(run.id)
    assert (before, found.state) == (RunState.WAITING, RunState.FAILED)
    assert found.error is not None
    assert found.error["message"] == "the run did not end by its deadline"


def test_a_run_that_ends_in_time_is_left_alone() -> None:
    run = driven(hurried)

    send(run.id, "go")
    advance(seconds=120)

    assert get_run(run.id).state == RunState.COMPLETED


def test_a_run_with_on_failure_undoes_its_steps() -> None:
    run = driven(hurried_and_undone)

    advance(seconds=61)

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["book flight", "release FLIGHT"]


def test_the_deadline_of_a_parent_ends_its_children() -> None:
    run = driven(hurried_parent)

    advance(seconds=61)

    assert get_run(run.id).state == RunState.FAILED
    [child] = list_runs(parent=run.id)
    assert child.state == RunState.CANCELLED


def test_the_deadline_of_a_parent_that_undoes_itself_ends_its_children_too() -> None:
    run = driven(hurried_parent_undone)

    advance(seconds=61)

    [child] = list_runs(parent=run.id)
    assert get_run(run.id).state == RunState.COMPENSATED
    assert child.state == RunState.CANCELLED


def test_a_child_has_the_deadline_of_its_own_workflow() -> None:
    run = driven(parent_of_hurried)

    advance(seconds=61)

    assert "deadline" in get_run(run.id).output


def test_code_that_swallows_the_deadline_gets_no_further() -> None:
    run = driven(hurried_and_stubborn)

    advance(seconds=61)

    assert get_run(run.id).state == RunState.FAILED
    assert notes.done == []


def test_killed_anywhere_a_deadline_is_kept() -> None:
    def play() -> None:
        notes.done.clear()
        start(hurried_and_undone)
        drive_until_idle()
        advance(seconds=61)

    crash_everywhere(play, at_least_once=lambda: notes.done)
