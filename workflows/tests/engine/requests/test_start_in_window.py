"""Debounced and throttled starts: one run stands for many, and the newest input wins."""

from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import transaction

from workflows.api import (
    Context,
    Debounce,
    InvalidInput,
    RunState,
    RunView,
    Throttle,
    cancel,
    get_run,
    list_runs,
    pause,
    resume,
    start,
    workflow,
)
from workflows.models import Run, StartWindow
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere
from workflows.tests.registering import own_workflows

QUIET = Debounce("page", 5, at_most_seconds=12)
SELDOM = Throttle("page", 30)


@workflow("window.index")
def index(run: Context, revision: int) -> int:
    run.wait_event("read", timeout_seconds=1)
    return revision


def careful(run: Context, revision: int) -> int:
    return revision


careless = workflow("window.careful")(careful)


def saved(revision: int, window: Debounce = QUIET) -> RunView:
    return start.using(debounce=window)(index, revision)


def looked_at(revision: int) -> RunView:
    return start(index, revision, throttle=SELDOM)


def outputs() -> list[Any]:
    drive_until_idle()
    advance(2)
    return [run.output for run in list_runs(workflow=index) if run.state == RunState.COMPLETED]


@pytest.mark.django_db
def test_of_starts_that_follow_each_other_the_newest_runs_after_the_silence() -> None:
    runs = [saved(1), saved(2)]
    advance(4)
    runs.append(saved(3))
    advance(4)
    assert get_run(runs[0].id).state == RunState.PENDING

    advance(2)

    assert len({run.id for run in runs}) == 1
    assert outputs() == [3]
    assert [run.input for run in runs] == [{"revision": number} for number in (1, 2, 3)]


@pytest.mark.django_db
def test_who_never_falls_silent_is_served_in_the_end() -> None:
    for revision in range(4):
        saved(revision)
        advance(4)
    advance(60)

    assert sorted(outputs()) == [2, 3]


@pytest.mark.django_db
def test_a_run_that_has_begun_keeps_its_input_and_another_waits() -> None:
    first = saved(1)
    advance(6)
    drive_until_idle()

    second = saved(2)

    assert first.id != second.id
    advance(6)
    assert sorted(outputs()) == [1, 2]


@pytest.mark.django_db
def test_a_cancelled_run_stands_for_nobody_and_other_keys_are_apart() -> None:
    first = saved(1)
    cancel(first.id)

    others = [saved(2), saved(3, Debounce("other", 5)), looked_at(4)]

    assert len({run.id for run in (first, *others)}) == 4


@pytest.mark.django_db
def test_a_throttled_workflow_begins_at_once_and_then_with_the_newest() -> None:
    first = looked_at(1)
    drive_until_idle()
    waiting = [looked_at(2), looked_at(3)]
    assert len({run.id for run in waiting} | {first.id}) == 2
    assert get_run(first.id).state == RunState.WAITING

    advance(20)
    assert get_run(waiting[0].id).state == RunState.PENDING
    advance(11)

    assert sorted(outputs()) == [1, 3]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options",
    [
        {"debounce": QUIET, "throttle": SELDOM},
        {"debounce": QUIET, "key": "k"},
        {"debounce": SELDOM},
        {"throttle": 5},
    ],
)
def test_what_cannot_be_together_starts_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"stand alone|write"):
        start(index, 1, **options)

    assert Run.objects.count() == StartWindow.objects.count() == 0


@pytest.mark.usefixtures("committed")
def test_of_many_at_the_same_moment_there_is_one_run() -> None:
    together = Barrier(6)

    def ask(revision: int) -> RunView:
        together.wait(PATIENCE_SECONDS)
        return saved(revision)

    asked = [elsewhere(partial(ask, number)) for number in range(6)]
    wait(asked, PATIENCE_SECONDS)

    assert len({each.result().id for each in asked}) == 1
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_a_start_that_is_rolled_back_has_changed_nothing() -> None:
    run = saved(1)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        saved(2)
        raise ZeroDivisionError

    assert get_run(run.id).input == {"revision": 1}


@pytest.mark.django_db
def test_killed_anywhere_the_newest_runs_once() -> None:
    def play() -> None:
        saved(1)
        saved(2)
        advance(6)
        drive_until_idle()
        looked_at(3)
        drive_until_idle()
        advance(2)

    crash_everywhere(play)


@pytest.mark.django_db
@pytest.mark.parametrize("ask", [saved, looked_at], ids=["debounce", "throttle"])
@pytest.mark.parametrize("resumed_first", [False, True], ids=["paused", "resumed"])
def test_a_run_that_is_paused_before_it_begins_stands_for_the_newest(
    ask: Callable[[int], RunView], resumed_first: bool
) -> None:
    if ask is looked_at:
        ask(0)
        drive_until_idle()
    waiting = ask(1)
    pause(waiting.id)

    if resumed_first:
        resume(waiting.id)
    again = ask(2)
    assert get_run(waiting.id).state == (RunState.WAITING if resumed_first else RunState.PAUSED)
    resume(waiting.id)

    assert again.id == waiting.id
    advance(31)
    assert outputs()[0] == 2
    assert Run.objects.count() == (2 if ask is looked_at else 1)


@pytest.mark.django_db
def test_a_paused_run_that_is_asked_for_is_due_at_resume_when_it_would_have_been() -> None:
    waiting = saved(1)
    pause(waiting.id)
    advance(3)
    saved(2)

    resume(waiting.id)

    advance(3)
    assert get_run(waiting.id).state == RunState.WAITING
    advance(3)
    assert outputs() == [2]


@pytest.mark.django_db
def test_a_paused_run_that_had_begun_is_let_alone() -> None:
    first = saved(1)
    advance(6)
    pause(first.id)

    second = saved(2)

    assert second.id != first.id
    assert get_run(first.id).input == {"revision": 1}


@pytest.mark.django_db
def test_killed_anywhere_a_paused_one_runs_once_with_the_newest() -> None:
    def play() -> None:
        waiting = saved(1)
        pause(waiting.id)
        saved(2)
        resume(waiting.id)
        advance(6)
        drive_until_idle()
        advance(2)

    crash_everywhere(play)


@pytest.mark.django_db
def test_the_newest_version_says_what_a_cancel_does() -> None:
    with own_workflows():
        start.using(debounce=QUIET)(careless, 1)
        workflow("window.careful", version=2, on_cancel="compensate", max_crashes=2)(careful)
        waiting = start.using(debounce=QUIET)("window.careful", 2)

    run = Run.objects.get(pk=waiting.id)
    assert (run.version, run.undo_on_cancel, run.max_crashes) == (2, True, 2)
