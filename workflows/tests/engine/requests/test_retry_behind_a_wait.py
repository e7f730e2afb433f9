"""Retry of a run that failed where it waited, or behind a wait in which it answered updates."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from workflows.api import (
    ChildFailed,
    Context,
    Permanent,
    RetryRefused,
    RunState,
    RunView,
    StepFailed,
    export_history,
    fork,
    get_run,
    list_runs,
    replay_history,
    replay_open_runs,
    retry,
    send_event,
    step,
    update,
    workflow,
)
from workflows.core.update_lines import UPDATE_EVENT
from workflows.engine.drive.drive import drive
from workflows.store.events import put_event
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db
broken: set[str] = set()
code: dict[str, Callable[[Context], Any]] = {}


@pytest.fixture(autouse=True)
def all_is_broken() -> Iterator[None]:
    broken.update({"pay", "child"})
    yield
    broken.clear()
    code.clear()


@step
def pay(what: str) -> str:
    notes.note(what)
    if what in broken:
        raise Permanent(f"{what} is broken")
    return f"{what} paid"


@step
def release(what: str) -> None:
    notes.note(f"release {what}")


@workflow("tests.retried_wait", deadline_seconds=60)
def coded(run: Context) -> Any:
    return code["body"](run)


@workflow("tests.retried_wait_child")
def child(run: Context, name: str = "child", cleans: bool = False) -> str:
    if cleans:
        run.on_end(release, name)
    run.wait_event("begin")
    return run.step(pay, name)


def begun(body: Callable[[Context], Any]) -> RunView:
    code["body"] = body
    return driven(coded)


def retried(run: RunView) -> RunView:
    broken.clear()
    notes.done.clear()
    assert retry(run.id, deadline_seconds=60)
    drive_until_idle()
    return get_run(run.id)


def child_of(run: RunView) -> RunView:
    [born] = list_runs(parent=run.id)
    return born


@pytest.mark.parametrize("wait", [lambda run: run.wait_event("go"), lambda run: run.sleep(100)])
def test_a_deadline_in_a_wait_behind_a_failure_that_was_caught(wait: Any) -> None:
    def body(run: Context) -> Any:
        try:
            run.step(pay, "pay")
        except StepFailed:
            wait(run)
        return run.step(pay, "car")

    run = begun(body)
    advance(61)
    assert get_run(run.id).state == RunState.FAILED

    again = retried(run)

    assert again.state == RunState.WAITING, again.error
    assert notes.done == []
    send_event(run.id, "go")
    advance(59)
    assert get_run(run.id).output == "car paid"
    assert notes.done == ["car"]


def test_a_deadline_while_the_children_of_a_run_that_raised_still_end() -> None:
    def body(run: Context) -> Any:
        begun = run.start_child(child)
        run.wait_event("go")
        run.step(pay, "pay")
        run.step(pay, "car")
        return begun.result()

    run = begun(body)
    send_event(child_of(run).id, "begin")
    held = claim()
    send_event(run.id, "go")
    drive(claim())
    assert get_run(held.id).state == RunState.CANCELLING
    advance(61)
    assert get_run(run.id).state == RunState.FAILED
    drive(held)
    assert get_run(held.id).state == RunState.CANCELLED

    again = retried(run)

    assert (again.state, again.output) == (RunState.COMPLETED, "child paid"), again.error
    assert sorted(notes.done) == ["car", "child", "pay"]


def parent(run: Context) -> str:
    run.on_update("add", lambda word: run.step(pay, word))
    begun = run.start_child(child)
    return f"{begun.result()} {run.step(pay, 'car')}"


def test_a_parent_that_answered_an_update_while_it_waited_is_retried_with_its_child() -> None:
    run = begun(parent)
    assert update(run.id, "add", "bread", timeout_seconds=9) == "bread paid"
    assert update(run.id, "add", "salt", timeout_seconds=9) == "salt paid"
    send_event(child_of(run).id, "begin")
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED

    again = retried(run)

    assert (again.state, again.output) == (RunState.COMPLETED, "child paid car paid")
    assert notes.done == ["child", "car"]
    assert child_of(run).retries == 1
    assert replay_open_runs() == []


def test_the_wait_for_a_child_that_is_retried_has_all_its_time_again() -> None:
    def body(run: Context) -> Any:
        run.on_update("add", lambda word: run.step(pay, word))
        begun = run.start_child(child)
        run.start_child(child, name="other")
        return begun.result(timeout_seconds=50)

    run = begun(body)
    assert update(run.id, "add", "bread", timeout_seconds=9) == "bread paid"
    [first, other] = sorted(list_runs(parent=run.id), key=lambda each: each.created_at)
    send_event(first.id, "begin")
    send_event(other.id, "begin")
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED
    advance(3600)
    broken.clear()
    assert retry(run.id, deadline_seconds=600)
    drive_until_idle()

    assert get_run(run.id).output == "child paid"


def test_with_an_update_that_was_answered_behind_the_failed_step_it_is_refused() -> None:
    def body(run: Context) -> Any:
        run.on_update("add", lambda word: run.step(pay, word))
        begun = run.start_child(child)
        run.wait_event("go")
        run.step(pay, "pay")
        return begun.result()

    run = begun(body)
    send_event(child_of(run).id, "begin")
    held = claim()
    send_event(run.id, "go")
    drive(claim())  # it has failed, and waits until its child is cancelled
    put_event(run.id, name=f"{UPDATE_EVENT}add", payload='"bread"', key="a")
    drive(claim())
    drive(held)
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED

    with pytest.raises(RetryRefused, match=r"update 'add' \(position 5\) .* fork it at 3"):
        retry(run.id)


def test_an_update_before_a_step_that_fails_is_no_hindrance() -> None:
    def body(run: Context) -> Any:
        run.on_update("add", lambda word: run.step(pay, word))
        run.wait_event("go")
        return run.step(pay, "pay")

    run = begun(body)
    update(run.id, "add", "bread", timeout_seconds=9)
    send_event(run.id, "go")
    drive_until_idle()

    assert retried(run).output == "pay paid"
    assert notes.done == ["pay"]


def test_an_update_that_comes_to_the_retried_run_is_answered_behind_those_before() -> None:
    run = begun(parent)
    update(run.id, "add", "bread", timeout_seconds=9)
    send_event(child_of(run).id, "begin")
    drive_until_idle()
    broken.clear()
    assert retry(run.id, deadline_seconds=60)
    put_event(run.id, name=f"{UPDATE_EVENT}add", payload='"salt"', key="a")
    drive_until_idle()

    assert get_run(run.id).output == "child paid car paid"
    assert notes.done.count("salt") == notes.done.count("bread") == 1
    replay_history(export_history(run.id))


def test_a_parent_with_an_update_may_fail_by_its_child_again_and_again() -> None:
    run = begun(parent)
    update(run.id, "add", "bread", timeout_seconds=9)
    send_event(child_of(run).id, "begin")
    drive_until_idle()
    for times in (1, 2):
        assert retry(run.id)
        drive_until_idle()
        again = get_run(run.id)
        assert (again.state, again.retries) == (RunState.FAILED, times)
        assert (again.error or {})["type"].endswith("ChildFailed")

    assert retried(run).output == "child paid car paid"


def test_a_parent_whose_child_failed_and_cleaned_up_is_refused() -> None:
    def body(run: Context) -> str:
        run.step(pay, "room")
        return run.start_child(child, cleans=True).result()

    run = begun(body)
    send_event(child_of(run).id, "begin")
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED
    broken.clear()

    with pytest.raises(RetryRefused, match=r"child .* has begun to undo .* fork .* at 2"):
        retry(run.id)
    assert get_run(run.id).state == RunState.FAILED

    forked = fork(run.id, at=2)
    drive_until_idle()
    send_event(child_of(forked).id, "begin")
    drive_until_idle()
    assert get_run(forked.id).output == "child paid"


def test_where_the_parent_failed_of_something_else_it_hears_of_the_end_again() -> None:
    def body(run: Context) -> str:
        try:
            return run.start_child(child, cleans=True).result()
        except ChildFailed:
            if "pay" in broken:
                raise LookupError from None
        return "without"

    run = begun(body)
    send_event(child_of(run).id, "begin")
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED

    assert retried(run).output == "without"


def test_killed_anywhere_a_retried_parent_that_has_answered_ends_the_same() -> None:
    code["body"] = parent

    def play() -> None:
        broken.add("child")
        notes.done.clear()
        run = driven(coded)
        put_event(run.id, name=f"{UPDATE_EVENT}add", payload='"bread"', key="a")
        send_event(child_of(run).id, "begin")
        drive_until_idle()
        broken.clear()
        retry(run.id)

    crash_everywhere(play)
