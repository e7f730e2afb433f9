"""A run that took a patch meets code without it: it waits for code that has it, for a while.

In a rolling deploy clusters of the old code and of the new drive the same runs in turn.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from workflows.api import (
    Context,
    RunState,
    cancel,
    get_history,
    get_run,
    replay_open_runs,
    retry_now,
    start,
    workflow,
)
from workflows.conf import conf
from workflows.core.history import HistoryKind
from workflows.engine.drive.drive import drive
from workflows.engine.drive.newer_code import Courtesy
from workflows.models import History
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import claim, driven, give_to_another, kinds, row
from workflows.tests.engine.trips import book, broken, refuse
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db
deployed = {"code": "old"}
"""Which code drives: the old one, or the new one with the patch."""
A_HOP = 3.0
"""Seconds; longer than the first waits for newer code."""


@pytest.fixture(autouse=True)
def old_code() -> Iterator[None]:
    broken.clear()
    deployed["code"] = "old"
    yield
    deployed["code"] = "old"


def patched(run: Context) -> bool:
    return deployed["code"] == "new" and run.patched("bob-first")


@workflow("tests.hopping", on_cancel="stop")
def hopping(run: Context) -> str:
    if patched(run):
        run.step(greet, "Bob")
    run.wait_event("go")
    run.step(greet, "Ann")
    return "done"


@workflow("tests.hopping_at_the_end")
def hopping_at_the_end(run: Context, how: str) -> str:
    run.wait_event("go")
    if patched(run):
        run.wait_event("on")
        return "mended"
    if how == "raises":
        raise ValueError("what the patch mends")
    return "ended early"


@workflow("tests.hopping_trip", on_failure="compensate", on_cancel="compensate")
def hopping_trip(run: Context) -> None:
    run.step(book, "flight")
    if patched(run):
        run.step(book, "hotel")
    run.wait_event("go")
    run.step(refuse, "car")


@workflow("tests.hopping_with_a_deadline", deadline_seconds=60)
def hopping_with_a_deadline(run: Context) -> None:
    if patched(run):
        run.step(greet, "Bob")
    run.wait_event("go")


def taken_over_by_old_code(function: Callable[..., Any], **given: Any) -> UUID:
    """Return a run that took the patch; from now on the old code drives."""
    deployed["code"] = "new"
    run = driven(function, **given)
    deployed["code"] = "old"
    return run.id


def problem(run_id: UUID) -> str:
    run = get_run(run_id)
    return str((run.error or {}).get("message"))


def test_old_code_gives_the_run_back_and_new_code_goes_on() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")
    between, written = get_run(run_id), kinds(run_id)
    deployed["code"] = "new"
    advance(seconds=A_HOP)

    assert (between.state, between.error) == (RunState.WAITING, None)
    assert between.wake_at is not None
    assert written[-1] == HistoryKind.CODE_AWAITED
    assert get_run(run_id).output == "done"
    assert notes.done == ["greet Bob", "greet Ann"]


def test_history_tells_once_what_the_run_waits_for() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")

    advance(seconds=100)

    [line] = [each for each in get_history(run_id) if each.kind == HistoryKind.CODE_AWAITED]
    assert line.name == "bob-first"
    assert "position 1 is wait 'go' in the code" in line.data["problem"]


def test_the_waits_grow_and_stay_short_enough_for_a_deploy() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")
    before = get_run(run_id).attempt

    advance(seconds=100)
    in_100_seconds = get_run(run_id).attempt - before
    advance(seconds=1000)
    in_1000_more = get_run(run_id).attempt - before - in_100_seconds

    assert 30 <= in_100_seconds <= 40
    assert 30 <= in_1000_more <= 45


def test_after_an_hour_the_run_is_blocked_and_names_both_sides() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")

    advance(seconds=conf().newer_code_seconds - 60)
    before = get_run(run_id).state
    advance(seconds=120)

    assert (before, get_run(run_id).state) == (RunState.WAITING, RunState.BLOCKED)
    told = "position 1 is wait 'go' in the code but patch 'bob-first' in history"
    assert told in problem(run_id)


def test_a_run_that_is_retried_waits_for_newer_code_anew() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")
    advance(seconds=conf().newer_code_seconds + 60)

    retry_now(run_id, by="alice")
    advance(seconds=60)
    waits = get_run(run_id)
    deployed["code"] = "new"
    advance(seconds=60)

    assert (waits.state, waits.error) == (RunState.WAITING, None)
    assert get_run(run_id).output == "done"


def test_a_run_that_went_on_meanwhile_waits_anew() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")
    advance(seconds=conf().newer_code_seconds - 60)
    History.objects.create(run_id=run_id, position=None, kind="recovered", attempt=1)

    advance(seconds=conf().newer_code_seconds - 60)

    assert get_run(run_id).state == RunState.WAITING
    assert kinds(run_id).count(HistoryKind.CODE_AWAITED) == 2


@pytest.mark.parametrize("how", ["raises", "returns"])
def test_old_code_that_ends_where_the_run_took_the_patch_ends_nothing(how: str) -> None:
    deployed["code"] = "new"
    run = driven(hopping_at_the_end, how=how)
    send(run.id, "go")
    deployed["code"] = "old"
    send(run.id, "on")

    waits = get_run(run.id)
    deployed["code"] = "new"
    advance(seconds=A_HOP)

    assert waits.state == RunState.WAITING
    assert get_run(run.id).output == "mended"


def test_what_is_sent_meanwhile_is_not_lost() -> None:
    run_id = taken_over_by_old_code(hopping_at_the_end, how="returns")
    deployed["code"] = "new"
    send(run_id, "go")
    deployed["code"] = "old"
    retry_now(run_id)
    drive_until_idle()

    send(run_id, "on")
    deployed["code"] = "new"
    advance(seconds=A_HOP)

    assert get_run(run_id).output == "mended"


def test_a_deadline_that_passes_meanwhile_is_kept_by_the_new_code() -> None:
    run_id = taken_over_by_old_code(hopping_with_a_deadline)

    advance(seconds=300)
    waits = get_run(run_id)
    deployed["code"] = "new"
    advance(seconds=60)

    assert waits.state == RunState.WAITING
    assert waits.attempt < 60  # it was not claimed again at once, over and over
    assert get_run(run_id).state == RunState.FAILED
    assert "deadline" in problem(run_id)


def test_a_run_being_undone_waits_for_newer_code_too() -> None:
    run_id = taken_over_by_old_code(hopping_trip)
    broken.add("hotel")
    deployed["code"] = "new"
    send(run_id, "go")
    deployed["code"] = "old"
    broken.clear()

    advance(seconds=60)
    waits, undone = get_run(run_id), [note for note in notes.done if note.startswith("release")]
    deployed["code"] = "new"
    advance(seconds=60)

    assert (waits.state, undone) == (RunState.COMPENSATING, [])
    assert get_run(run_id).state == RunState.COMPENSATED
    assert notes.done[-2:] == ["release HOTEL", "release FLIGHT"]


def test_after_an_hour_a_run_being_undone_fails_and_names_both_sides() -> None:
    run_id = taken_over_by_old_code(hopping_trip)
    cancel(run_id)

    advance(seconds=conf().newer_code_seconds + 60)

    run = get_run(run_id)
    assert run.state == RunState.FAILED
    assert run.compensation_error is not None
    assert "patch 'bob-first' in history" in run.compensation_error["message"]


def test_a_cancel_needs_no_newer_code() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")

    cancel(run_id, by="alice")

    assert get_run(run_id).state == RunState.CANCELLED


@pytest.mark.parametrize(
    ("function", "state"),
    [(hopping, RunState.CANCELLED), (hopping_trip, RunState.COMPENSATING)],
)
def test_a_cancel_that_comes_while_the_run_is_given_back_sticks(
    function: Callable[..., Any], state: RunState
) -> None:
    run_id = taken_over_by_old_code(function)
    retry_now(run_id)
    held = claim()
    cancel(run_id, by="alice")

    drive(held)

    assert get_run(run_id).state == state
    assert (row(run_id)["worker_id"], row(run_id)["lease_until"]) == (None, None)
    deployed["code"] = "new"
    advance(seconds=A_HOP)
    assert get_run(run_id).is_over


def test_a_zombie_gives_nothing_back() -> None:
    run_id = taken_over_by_old_code(hopping)
    retry_now(run_id)
    zombie = claim()
    give_to_another(zombie)
    before, written = row(run_id), kinds(run_id)

    drive(zombie)

    assert (row(run_id), kinds(run_id)) == (before, written)


def test_who_gave_a_run_back_looks_a_moment_later_than_others() -> None:
    took = []
    courtesy = Courtesy()
    for _ in range(2):
        began = time.monotonic()
        courtesy.before_a_look()
        took.append(time.monotonic() - began)
        courtesy.begin()

    assert took[0] < Courtesy.PAUSE_SECONDS <= took[1]


@pytest.mark.parametrize("position", [None, 1, 2])
def test_a_line_of_a_newer_engine_is_left_to_the_newer_engine(position: int | None) -> None:
    deployed["code"] = "new"
    run = driven(hopping)
    History.objects.create(run_id=run.id, position=position, part=7, kind="thought", attempt=1)
    send(run.id, "go")

    advance(seconds=60)
    waits, [difference] = get_run(run.id), replay_open_runs()
    advance(seconds=conf().newer_code_seconds)

    assert (waits.state, notes.done) == (RunState.WAITING, ["greet Bob"])
    assert "'thought'" in str(difference)
    assert get_run(run.id).state == RunState.BLOCKED
    assert "'thought'" in problem(run.id)


def test_a_run_being_undone_with_a_line_of_a_newer_engine_waits_for_it_too() -> None:
    deployed["code"] = "new"
    run = driven(hopping_trip)
    History.objects.create(run_id=run.id, position=1, part=1_000_000, kind="thought", attempt=1)
    cancel(run.id)

    advance(seconds=60)
    waits = get_run(run.id).state
    advance(seconds=conf().newer_code_seconds)

    assert waits == RunState.COMPENSATING
    assert get_run(run.id).state == RunState.FAILED
    assert [note for note in notes.done if note.startswith("release")] == []


def test_the_check_before_a_deploy_still_names_the_run() -> None:
    run_id = taken_over_by_old_code(hopping)
    send(run_id, "go")

    [difference] = replay_open_runs()

    assert difference.run_id == run_id
    assert "patch 'bob-first'" in str(difference)


def test_killed_anywhere_a_run_that_hops_ends_the_same() -> None:
    def play() -> None:
        deployed["code"] = "new"
        runs = [start(hopping), start(hopping_trip)]
        drive_until_idle()
        deployed["code"] = "old"
        for run in runs:
            send(run.id, "go")
        advance(seconds=A_HOP)
        deployed["code"] = "new"
        advance(seconds=60)
        assert all(get_run(run.id).is_over for run in runs)

    crash_everywhere(play, at_least_once=lambda: notes.done)
