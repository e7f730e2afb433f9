"""Cancel reaches a long step that stops on it: at its next heartbeat, or where an async one awaits."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group

from workflows.api import (
    Context,
    RunState,
    StepState,
    StepStopped,
    cancel,
    current_step,
    get_history,
    get_run,
    heartbeat,
    list_runs,
    list_steps,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.engine.attempts import async_attempt
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, elsewhere, kinds
from workflows.tests.flows import NOW, notes

hooks: dict[str, Callable[[], Any]] = {}


@pytest.fixture(autouse=True)
def cancels_itself() -> None:
    hooks.clear()


def cancel_here() -> None:
    info = current_step()
    assert info is not None
    hooks.get("cancel", lambda: cancel(info.run_id))()


def beat_on(times: int = 20) -> str:
    try:
        for number in range(times):
            if number == 2:
                cancel_here()
            heartbeat(number)
            notes.note(f"beat {number}")
    finally:
        notes.note("cleaned up")
    return "done"


def undo_booking(output: str, name: str) -> None:
    notes.note(f"undo {name}")


@step(atomic=True, compensate=undo_booking)
def book(name: str) -> str:
    return name


@step(retry=NOW, stops_on_cancel=True)
def long_step() -> str:
    return beat_on()


@step(retry=NOW)
def deaf_step() -> str:
    return beat_on(5)


@step(retry=NOW, stops_on_cancel=True, atomic=True)
def atomic_step() -> str:
    Group.objects.create(name="of a step that was stopped")
    return beat_on()


@step(retry=NOW, stops_on_cancel=True)
def swallowing_step() -> str:
    try:
        return beat_on()
    except StepStopped:
        return "half of it"


STEPS = {"long": long_step, "deaf": deaf_step, "atomic": atomic_step, "swallowing": swallowing_step}


@workflow("tests.stopping", on_cancel="compensate")
def stopping(run: Context, which: str = "long") -> str:
    run.step(book, "hotel")
    return run.step(STEPS[which])


@workflow("tests.stopping.ends")
def ending(run: Context) -> str:
    return run.step(long_step)


@workflow("tests.stopping.together")
def together(run: Context) -> list[str]:
    return list(run.gather(run.call(long_step), run.call(deaf_step)))


@step(retry=NOW, stops_on_cancel=True)
async def await_for_ever(beats: bool) -> str:
    try:
        await sync_to_async(cancel_here)()
        if beats:
            heartbeat("here")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        notes.note("cleaned up")
        raise
    return "never"


@step(retry=NOW, stops_on_cancel=True)
async def return_all_the_same() -> str:
    try:
        await sync_to_async(cancel_here)()
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "half of it"
    return "never"


@workflow("tests.stopping.async")
def stopping_async(run: Context, beats: bool) -> str:
    return run.step(await_for_ever, beats)


@workflow("tests.stopping.async_swallowing")
def stopping_async_swallowing(run: Context) -> str:
    return run.step(return_all_the_same)


@pytest.mark.django_db
def test_its_next_heartbeat_ends_it_and_what_had_completed_is_undone() -> None:
    run = driven(stopping)

    assert run.state == RunState.COMPENSATED
    assert notes.done == ["beat 0", "beat 1", "cleaned up", "undo hotel"]


@pytest.mark.django_db
def test_history_tells_that_it_was_stopped_and_no_attempt_follows() -> None:
    run = driven(ending)

    assert run.state == RunState.CANCELLED
    assert kinds(run.id) == ["cancel_requested", "step_failed", "run_cancelled"]
    [told] = [each for each in get_history(run.id) if each.kind == HistoryKind.STEP_FAILED]
    assert told.data["error"]["type"].endswith("StepStopped")
    [view] = list_steps(run.id)
    assert (view.state, view.attempts) == (StepState.FAILED, 1)


@pytest.mark.django_db
def test_a_step_that_does_not_say_so_goes_on_to_its_end() -> None:
    run = driven(stopping, which="deaf")

    assert run.state == RunState.COMPENSATED
    assert notes.done == [*(f"beat {number}" for number in range(5)), "cleaned up", "undo hotel"]


@pytest.mark.usefixtures("committed")
def test_an_atomic_step_hears_of_a_cancel_outside_of_its_transaction() -> None:
    run = start(stopping, which="atomic")
    hooks["cancel"] = lambda: elsewhere(lambda: cancel(run.id)).result(10)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["beat 0", "beat 1", "cleaned up", "undo hotel"]
    assert not Group.objects.exists()


@pytest.mark.django_db
def test_a_step_that_returns_all_the_same_has_completed() -> None:
    run = driven(stopping, which="swallowing")

    assert run.state == RunState.COMPENSATED
    assert kinds(run.id).count(HistoryKind.STEP_COMPLETED) == 2


@pytest.mark.usefixtures("committed")
def test_of_a_group_the_branch_that_says_so_stops_and_the_other_ends() -> None:
    run = driven(together)

    assert run.state == RunState.CANCELLED
    assert HistoryKind.STEP_FAILED in kinds(run.id)
    assert "beat 4" in notes.done
    assert "beat 19" not in notes.done


@pytest.mark.django_db
@pytest.mark.parametrize("beats", [True, False])
def test_an_async_step_is_cancelled_where_it_awaits_beating_or_not(beats: bool) -> None:
    with mock.patch.object(async_attempt, "LOOK_SECONDS", 60 if beats else 0.01):
        run = driven(stopping_async, beats=beats)

    assert run.state == RunState.CANCELLED
    assert kinds(run.id) == ["cancel_requested", "step_failed", "run_cancelled"]
    assert notes.done == ["cleaned up"]


@pytest.mark.django_db
def test_an_async_step_that_returns_all_the_same_has_completed() -> None:
    with mock.patch.object(async_attempt, "LOOK_SECONDS", 0.01):
        run = driven(stopping_async_swallowing)

    assert run.state == RunState.CANCELLED
    assert kinds(run.id) == ["cancel_requested", "step_completed", "run_cancelled"]


@pytest.mark.django_db
def test_killed_anywhere_a_step_that_is_stopped_leaves_the_run_undone() -> None:
    def play() -> None:
        notes.done.clear()
        start(stopping)
        start(ending)

    def states() -> list[str]:
        return sorted(run.state for run in list_runs())

    report = crash_everywhere(
        play, observe=states, at_least_once=lambda: [x for x in notes.done if "undo" in x]
    )

    assert report.boundaries >= 12
