"""The steps of a run as people see them, from the first to those it never came to."""

import uuid
from typing import Any

import pytest
from django.db import connection

from workflows.api import (
    Context,
    InvalidInput,
    Permanent,
    RetryPolicy,
    RunNotFound,
    RunState,
    RunView,
    StepState,
    action,
    cancel,
    compensate,
    get_run,
    list_runs,
    list_steps,
    start,
    step,
    workflow,
)
from workflows.core.running_steps import HeldRun, StepSeen
from workflows.models import Run
from workflows.store.workers import renew_leases
from workflows.testing import advance, crash_everywhere, drive_until_idle, fake, send
from workflows.tests.builders import driven, started_and_claimed
from workflows.tests.flows import ONCE, greet_once, wait_for_go

pytestmark = pytest.mark.django_db


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=60, jitter=0))
def unpack(output: str, what: str) -> None: ...


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=60, jitter=0), compensate=unpack)
def pack(what: str) -> str:
    return what.upper()


@step(retry=ONCE)
def weigh() -> int:
    return 3


@step
def ship() -> None: ...


@step
def keep() -> None: ...


@action("steps_notify", atomic=True)
def notify() -> None: ...


def deliver(run: Context, far: bool) -> None:
    run.step(ship if far else keep)
    run.actions.steps_notify()


@workflow("tests.steps_parcel", on_failure="compensate")
def parcel(run: Context, far: bool = True) -> None:
    run.step(pack, "tea")
    run.gather(run.call(weigh), run.call(pack, "cup"), limit=1)
    run.wait_event("go")
    deliver(run, far)


@workflow("tests.steps_loop")
def loop(run: Context, rounds: int) -> None:
    for _ in range(rounds):
        run.step(weigh)
    if rounds > 5:
        run.step(weigh)


def states(run: RunView) -> list[tuple[str, str]]:
    return [(each.name, each.state.value) for each in list_steps(run.id)]


def test_before_a_run_begins_every_step_that_its_code_names_is_pending() -> None:
    run = start(parcel)

    assert states(run) == [
        ("pack", "pending"),
        ("weigh", "pending"),
        ("pack", "pending"),
        ("ship", "pending"),
        ("keep", "pending"),
        ("steps_notify", "pending"),
    ]


def test_steps_follow_the_order_in_which_the_run_came_to_them_with_their_results() -> None:
    run = driven(parcel)

    first, weighed, second, *rest = list_steps(run.id)

    assert [first.output, weighed.output, second.output] == ["TEA", 3, "CUP"]
    assert [first.position, weighed.position, second.position] == [1, 3, 4]
    assert first.ended_at is not None
    assert [each.state for each in rest] == [StepState.PENDING] * 3
    assert [each.position for each in rest] == [None] * 3


def test_the_branch_that_was_not_taken_is_skipped_once_the_run_has_ended() -> None:
    run = driven(parcel, far=False)

    send(run, "go")

    assert states(run)[3:] == [
        ("keep", "completed"),
        ("steps_notify", "completed"),
        ("ship", "skipped"),
    ]


def test_a_step_between_two_attempts_waits_and_says_until_when() -> None:
    with fake(pack, raises=OSError("no box")):
        run = driven(parcel)

    waiting = list_steps(run.id)[0]

    assert (waiting.state, waiting.attempts) == (StepState.WAITING, 1)
    assert waiting.error is not None
    assert waiting.error["message"] == "no box"
    assert waiting.retry_at == get_run(run.id).wake_at


def test_a_failure_skips_what_follows_and_compensates_what_came_before() -> None:
    with fake(weigh, raises=Permanent("the scales are broken")):
        run = driven(parcel)

    assert states(run) == [
        ("pack", "compensated"),
        ("weigh", "failed"),
        ("pack", "skipped"),
        ("ship", "skipped"),
        ("keep", "skipped"),
        ("steps_notify", "skipped"),
    ]


def test_the_step_that_is_being_undone_is_compensating_and_says_what_went_wrong() -> None:
    with fake(weigh, raises=Permanent("broken")), fake(unpack, raises=OSError("stuck")):
        run = driven(parcel)

    undoing = list_steps(run.id)[0]

    assert (undoing.state, undoing.output) == (StepState.COMPENSATING, "TEA")
    assert undoing.compensation_error is not None
    assert undoing.compensation_error["message"] == "stuck"
    assert undoing.retry_at == get_run(run.id).wake_at


def test_a_step_that_could_not_be_undone_stays_completed_with_the_reason() -> None:
    with fake(weigh, raises=Permanent("broken")), fake(unpack, raises=Permanent("glued")):
        run = driven(parcel)

    stuck = list_steps(run.id)[0]

    assert stuck.state == StepState.COMPLETED
    assert stuck.compensation_error is not None
    assert stuck.compensation_error["message"] == "glued"


def test_undoing_begins_with_the_last_completed_step() -> None:
    run = driven(parcel)
    cancel(run.id)
    drive_until_idle()

    compensate(run.id)

    assert states(run)[:3] == [
        ("pack", "completed"),
        ("weigh", "completed"),
        ("pack", "compensating"),
    ]


def test_an_attempt_that_a_cancel_left_without_another_has_failed() -> None:
    with fake(pack, raises=OSError("no box")):
        run = driven(parcel)

        cancel(run.id)
        drive_until_idle()

    assert states(run)[:2] == [("pack", "failed"), ("weigh", "skipped")]


def test_a_loop_reaches_its_place_once_and_another_place_is_told_apart() -> None:
    run = driven(loop, rounds=3)

    assert [each.state for each in list_steps(run.id)] == [StepState.COMPLETED] * 3
    assert len(list_steps(driven(loop, rounds=0).id)) == 2


def test_without_the_code_of_its_version_a_run_still_shows_what_it_has_done() -> None:
    run = driven(parcel)
    Run.objects.filter(pk=run.id).update(version=99)

    assert states(run) == [("pack", "completed"), ("weigh", "completed"), ("pack", "completed")]


def test_a_run_that_is_not_there_is_told() -> None:
    with pytest.raises(RunNotFound):
        list_steps(uuid.uuid4())


def test_killed_anywhere_the_steps_are_told_as_if_nothing_had_happened() -> None:
    def broken_scales() -> None:
        start(parcel)
        with fake(weigh, raises=Permanent("broken")):
            advance(seconds=600)

    def told() -> Any:
        return [states_of(run) for run in Run.objects.filter(workflow="tests.steps_parcel")]

    def states_of(run: Run) -> list[tuple[str, str, int]]:
        return [(each.name, each.state.value, each.attempts) for each in list_steps(run.pk)]

    report = crash_everywhere(broken_scales, observe=told)

    assert report.boundaries > 5


def test_runs_are_listed_by_function_states_and_parent() -> None:
    waiting, greeted = driven(wait_for_go), driven(greet_once, name="Alice")

    assert ids(list_runs(workflow=greet_once)) == [greeted.id]
    assert ids(list_runs(workflow="tests.wait")) == [waiting.id]
    assert ids(list_runs(state=RunState.WAITING)) == [waiting.id]
    assert ids(list_runs(state=["waiting", "completed"])) == [greeted.id, waiting.id]
    assert list_runs(parent=waiting) == []


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no state 'done'; it is one of pending, running"):
        list_runs(state="done")


def ids(runs: list[RunView]) -> list[Any]:
    return [run.id for run in runs]


def test_a_step_that_was_shown_on_the_run_s_row_is_told_with_its_worker() -> None:
    run = started_and_claimed(greet_once, name="Alice")
    seen = StepSeen(
        name="greet", position=1, attempt=1, undo=False, age_seconds=60, overran=None,
        host="here", pid=7,
    )  # fmt: skip

    held = HeldRun(run.id, run.attempt, (seen,))
    renew_leases(connection.connection, [held], lease_seconds=60)
    [step] = list_steps(run.id)

    assert (step.name, step.state, step.host, step.pid) == ("greet", StepState.RUNNING, "here", 7)
    assert step.running_since is not None
