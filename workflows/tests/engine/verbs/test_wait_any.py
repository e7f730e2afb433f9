"""Wait for whichever comes first: an event, the end of a child, or a time."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from workflows.api import (
    ChildFailed,
    Context,
    RunState,
    cancel,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db


@workflow("tests.waiting_for_any")
def waiting_for_any(run: Context) -> list[object]:
    first, second = run.start_child(wait_for_go), run.start_child(wait_for_go)
    woken = run.wait_any(event=("a", "b"), child=[first, second], seconds=60)
    found: list[object] = [woken.by]
    if woken.event:
        found += [woken.event.name, woken.event.payload]
    if woken.child:
        try:
            ended = woken.child.result()
            found += [woken.child.id == second.id, ended]
        except ChildFailed as failed:
            found += [woken.child.id == second.id, failed.state]
        found += [run.wait_any(child=woken.child).by]
    return found


@workflow("tests.waiting_for_nothing")
def waiting_for_nothing(run: Context) -> None:
    run.wait_any()


@workflow("tests.waiting_wrongly")
def waiting_wrongly(run: Context, what: str) -> None:
    if what == "result":
        run.start_child(wait_for_go, timeout_seconds=1).result(timeout_seconds=float("nan"))
    wrong: dict[str, Any] = {"name": {"event": ["a", ""]}, "seconds": {"seconds": float("nan")}}
    run.wait_any(**wrong[what])


@workflow("tests.waiting_for_a_time")
def waiting_for_a_time(run: Context) -> list[object]:
    return [run.wait_any(seconds=seconds).by for seconds in (-1, 60)]


@workflow("tests.waiting_for_one_that_has_ended")
def waiting_for_one_that_has_ended(run: Context) -> list[object]:
    child = run.start_child(wait_for_go)
    child.result()
    woken = run.wait_any(event="never", child=child)
    return [woken.by, woken.event, woken.child is child]


def end_children(run_id: UUID) -> None:
    for child in list_runs(parent=run_id, state=RunState.WAITING):
        send(child.id, "go", "late")


def by_event(run_id: UUID) -> None:
    send(run_id, "b", 7)


def by_child(run_id: UUID) -> None:
    send(list_runs(parent=run_id)[0].id, "go", 5)


def by_cancelled_child(run_id: UUID) -> None:
    cancel(list_runs(parent=run_id)[0].id)
    drive_until_idle()


def by_time(run_id: UUID) -> None:
    advance(seconds=61)


EXPECTED: dict[Callable[[UUID], None], list[object]] = {
    by_event: ["event", "b", 7],
    by_child: ["child", True, 5, "child"],
    by_cancelled_child: ["child", True, "cancelled", "child"],
    by_time: ["time"],
}


@pytest.mark.parametrize("wake", EXPECTED)
def test_whichever_comes_first_wakes_the_run(wake: Callable[[UUID], None]) -> None:
    run = driven(waiting_for_any)

    wake(run.id)
    end_children(run.id)

    assert get_run(run.id).output == EXPECTED[wake]


def test_a_wait_for_nothing_blocks_the_run_with_the_reason() -> None:
    run = driven(waiting_for_nothing)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert "give an event, a child or a number of seconds" in run.error["message"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("name", "wait_any(event=['a', '']): give a name, or several"),
        ("seconds", "wait_any: nan is not a number of seconds"),
        ("result", "result: nan is not a number of seconds"),
    ],
)
def test_a_wait_that_makes_no_sense_blocks_the_run_with_the_reason(what: str, reason: str) -> None:
    run = driven(waiting_wrongly, what=what)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert reason in run.error["message"]


def test_a_time_alone_may_be_waited_for_and_one_that_has_passed_is_over_at_once() -> None:
    run = driven(waiting_for_a_time)
    advance(seconds=59)
    before = get_run(run.id).state
    advance(seconds=2)

    assert before == RunState.WAITING
    assert get_run(run.id).output == ["time", "time"]


def test_a_child_that_has_been_seen_to_end_wakes_the_run_at_once() -> None:
    run = driven(waiting_for_one_that_has_ended)

    end_children(run.id)

    assert get_run(run.id).output == ["child", None, True]


@pytest.mark.parametrize("wake", [by_event, by_child, by_time])
def test_killed_anywhere_the_same_thing_wakes_the_run(wake: Callable[[UUID], None]) -> None:
    def play() -> None:
        run = start(waiting_for_any)
        drive_until_idle()
        wake(run.id)
        end_children(run.id)

    crash_everywhere(play)
