"""Compensation: completed steps are undone, the last first, each once, whatever happens meanwhile."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from workflows.api import (
    Context,
    RunState,
    RunView,
    StepFailed,
    cancel,
    compensate,
    get_history,
    get_run,
    retry_now,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.store.sweep import sweep
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, driven, expire_lease, kinds
from workflows.tests.engine.trips import book, broken, refuse, trip
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_broken() -> None:
    broken.clear()


def delete_group(output: str, name: str) -> None:
    Group.objects.get(name=output).delete()
    Group.objects.create(name=f"deleted {output}")


step(atomic=True)(delete_group)


@step(atomic=True, compensate=delete_group)
def make_group(name: str) -> str:
    Group.objects.create(name=name)
    return name


@step
def cancel_the_run(run_id: UUID) -> None:
    cancel(run_id, by="alice")


@workflow("tests.trip_left_as_it_is")
def trip_left_as_it_is(run: Context) -> None:
    run.step(book, "flight")
    run.step(refuse, "car")


@workflow("tests.groups", on_failure="compensate")
def groups(run: Context) -> None:
    for name in ("a", "b", "c"):
        run.step(make_group, name)
    run.step(refuse, "d")


@workflow("tests.cancels_itself", on_cancel="compensate")
def cancels_itself(run: Context) -> None:
    run.step(book, "flight")
    run.step(cancel_the_run, run.run_id)
    run.step(book, "hotel")


@workflow("tests.caught", on_failure="compensate")
def caught(run: Context) -> str:
    run.step(book, "flight")
    try:
        run.step(refuse, "car")
    except StepFailed as failed:
        return failed.message
    return "never"


def test_completed_steps_are_undone_in_reverse_with_their_results_and_arguments() -> None:
    run = driven(trip)

    assert run.state == RunState.COMPENSATED
    assert notes.done == ["book flight", "book hotel", "release HOTEL", "release FLIGHT"]
    assert run.error is not None
    assert "no car" in run.error["message"]


def test_history_tells_of_each_compensation() -> None:
    run = driven(trip)

    assert kinds(run.id)[3:] == [
        HistoryKind.COMPENSATION_STARTED,
        HistoryKind.COMPENSATION_COMPLETED,
        HistoryKind.COMPENSATION_COMPLETED,
        HistoryKind.RUN_COMPENSATED,
    ]


def test_a_failure_that_the_code_catches_undoes_nothing() -> None:
    run = driven(caught)

    assert (run.state, run.output) == (RunState.COMPLETED, "no car")
    assert notes.done == ["book flight"]


def test_a_workflow_that_does_not_ask_for_it_fails_and_leaves_its_steps() -> None:
    run = driven(trip_left_as_it_is)

    assert run.state == RunState.FAILED
    assert notes.done == ["book flight"]


def test_an_operator_may_have_a_failed_run_undone() -> None:
    run = driven(trip_left_as_it_is)

    assert compensate(run.id, by="alice")
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["book flight", "release FLIGHT"]
    [asked] = [e for e in get_history(run.id) if e.kind == HistoryKind.COMPENSATION_STARTED]
    assert asked.data["by"] == "alice"


def test_a_waiting_run_that_is_cancelled_is_undone() -> None:
    run = driven(trip, fails=False)

    assert cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done[2:] == ["release HOTEL", "release FLIGHT"]


def test_a_run_that_is_cancelled_while_it_is_driven_is_undone() -> None:
    run = driven(cancels_itself)

    assert run.state == RunState.COMPENSATED
    assert notes.done == ["book flight", "release FLIGHT"]


def test_a_run_that_has_done_nothing_yet_has_nothing_to_undo() -> None:
    run = start(trip)

    cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == []


def test_a_completed_or_compensated_run_is_not_undone() -> None:
    completed, compensated = driven(caught), driven(trip)

    assert not compensate(completed.id)
    assert not compensate(compensated.id)


def held_up() -> RunView:
    """Return a run that waits for its next attempt to release the flight."""
    broken.add("flight")
    return driven(trip)


def test_a_compensation_that_fails_is_tried_again_later_and_the_run_holds_nothing() -> None:
    run = held_up()

    waiting = get_run(run.id)
    broken.clear()
    advance(seconds=11)

    assert (waiting.state, waiting.error is None) == (RunState.COMPENSATING, False)
    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.count("release HOTEL") == 1
    assert notes.count("release FLIGHT") == 1


def test_an_operator_may_have_it_tried_again_at_once() -> None:
    run = held_up()
    broken.clear()

    assert retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED


def test_a_run_that_is_being_undone_cannot_be_cancelled() -> None:
    run = held_up()

    assert not cancel(run.id)

    assert get_run(run.id).state == RunState.COMPENSATING


def given_up() -> RunView:
    """Return a run whose compensation has failed for good."""
    run = held_up()
    advance(seconds=11)
    return get_run(run.id)


def test_a_compensation_that_fails_for_good_leaves_the_run_failed_with_the_reason() -> None:
    run = given_up()

    assert run.state == RunState.FAILED
    assert run.compensation_error is not None
    assert "out of order" in run.compensation_error["message"]
    assert run.error is not None
    assert "no car" in run.error["message"]


def test_compensate_goes_on_where_it_stopped_with_attempts_of_its_own() -> None:
    run = given_up()

    assert compensate(run.id)
    drive_until_idle()
    advance(seconds=11)
    again = get_run(run.id)
    broken.clear()
    assert compensate(run.id)
    drive_until_idle()

    assert again.state == RunState.FAILED
    assert get_run(run.id).state == RunState.COMPENSATED
    assert get_run(run.id).compensation_error is None
    assert notes.count("failed to release flight") == 4
    assert notes.count("release HOTEL") == 1


def test_a_lost_worker_leaves_the_compensation_to_another() -> None:
    broken.add("flight")
    run = start(trip, fails=False)
    drive_until_idle()
    cancel(run.id)
    claim()
    expire_lease(run.id)
    broken.clear()

    [(swept_id, _, state)] = swept_here()
    drive_until_idle()

    assert (swept_id, state) == (run.id, RunState.COMPENSATING)
    assert get_run(run.id).state == RunState.COMPENSATED


def swept_here() -> list[tuple[UUID, str, RunState]]:
    """Sweep inside the test's own transaction."""
    judged = sweep(connection.connection, max_crashes=5)
    return [(run.id, run.workflow, run.state) for run in judged]


def test_killed_anywhere_a_saga_ends_the_same_and_undoes_each_step() -> None:
    def play() -> None:
        notes.done.clear()
        start(trip)

    report = crash_everywhere(play, at_least_once=lambda: notes.done)

    assert report.boundaries > 10


def test_killed_anywhere_atomic_compensations_happen_exactly_once() -> None:
    report = crash_everywhere(
        lambda: start(groups),
        observe=lambda: sorted(Group.objects.values_list("name", flat=True)),
    )

    assert report.boundaries > 10


def test_killed_anywhere_a_cancelled_saga_is_undone() -> None:
    def play() -> None:
        notes.done.clear()
        run = start(trip, fails=False)
        drive_until_idle()
        cancel(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_killed_anywhere_a_failing_compensation_is_given_up_and_goes_on_when_asked() -> None:
    def play() -> None:
        notes.done.clear()
        broken.add("flight")
        run = start(trip)
        advance(seconds=15)
        broken.clear()
        compensate(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_what_a_compensation_returns_nobody_reads_and_may_lose_a_part() -> None:
    def take_back(output: str) -> Any:
        notes.note("taken back")
        return {1: "a", "1": "b"}

    @step(compensate=take_back)
    def take() -> str:
        return "taken"

    @workflow("tests.compensation.loses", on_failure="compensate")
    def taking(run: Context) -> None:
        run.step(take)
        raise ValueError("no")

    assert driven(taking).state == RunState.COMPENSATED
    assert notes.done == ["taken back"]
