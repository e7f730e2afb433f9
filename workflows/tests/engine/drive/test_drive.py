"""Changed code is noticed, not obeyed: the run is blocked, both sides are named, nothing is written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from workflows.api import (
    Context,
    RunState,
    RunView,
    get_history,
    get_run,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.definitions import workflow as registry
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import greet, greet_atomically, greet_once, notes

pytestmark = pytest.mark.django_db

Body = Callable[[Context], object]
_deployed: list[Body] = []


@workflow("tests.changing")
def changing(run: Context) -> object:
    return _deployed[0](run)


def deploy(body: Body) -> None:
    _deployed[:] = [body]


def parked_under(body: Body) -> RunView:
    """Drive a run under this code until it waits."""
    deploy(body)
    run = driven(changing)
    assert run.state == RunState.WAITING
    return run


def go_on_under(body: Body, run: RunView) -> RunView:
    """Deploy other code and wake the run."""
    deploy(body)
    retry_now(run.id)
    drive_until_idle()
    return get_run(run.id)


def original(run: Context) -> object:
    run.set_status("Greeting")
    run.step(greet, "Alice")
    run.uuid()
    return run.wait_event("go")


def renamed_step(run: Context) -> None:
    run.set_status("Greeting")
    run.step(greet_atomically, "Alice")


def removed_step(run: Context) -> None:
    run.set_status("Greeting")
    run.uuid()
    run.wait_event("go")


def added_step(run: Context) -> None:
    run.step(greet, "Bob")
    original(run)


def added_id(run: Context) -> None:
    run.uuid()
    original(run)


def removed_id(run: Context) -> None:
    run.set_status("Greeting")
    run.step(greet, "Alice")
    run.wait_event("go")


def moved_chance(run: Context) -> None:
    run.set_status("Greeting")
    run.random()
    run.step(greet, "Alice")


def clock_first(run: Context) -> None:
    run.now()
    original(run)


def wait_instead(run: Context) -> None:
    run.set_status("Greeting")
    run.wait_event("greeting")


def sleep_instead(run: Context) -> None:
    run.set_status("Greeting")
    run.step(greet, "Alice")
    run.uuid()
    run.sleep(1)


def other_events(run: Context) -> None:
    run.set_status("Greeting")
    run.step(greet, "Alice")
    run.uuid()
    run.wait_event(("stop", "go"))


def shorter(run: Context) -> str:
    run.set_status("Greeting")
    return "over"


def broken(run: Context) -> None:
    run.set_status("Greeting")
    raise ValueError("new bug")


def swallowing(run: Context) -> str:
    run.set_status("Greeting")
    try:
        run.step(greet_atomically, "Alice")
    except Exception:
        run.step(greet, "Bob")
    return "over"


CHANGES: list[tuple[Body, str, str]] = [
    (renamed_step, "position 2 is step 'greet_atomically'", "step 'greet'"),
    (removed_step, "position 2 is uuid", "step 'greet'"),
    (added_step, "position 1 is step 'greet'", "status 'Greeting'"),
    (added_id, "position 1 is uuid", "status 'Greeting'"),
    (clock_first, "position 1 is now", "status 'Greeting'"),
    (moved_chance, "position 2 is random", "step 'greet'"),
    (removed_id, "position 3 is wait 'go'", "wait 'go' (position 4)"),
    (wait_instead, "position 2 is wait 'greeting'", "step 'greet'"),
    (sleep_instead, "position 4 is sleep", "wait 'go'"),
    (other_events, "position 4 is wait 'go, stop'", "wait 'go'"),
    (shorter, "position 2 is the end", "wait 'go' (position 4)"),
    (broken, "position 2 is ValueError('new bug')", "wait 'go' (position 4)"),
    (swallowing, "position 2 is step 'greet_atomically'", "step 'greet'"),
]


@pytest.mark.parametrize(
    ("body", "asked", "recorded"), CHANGES, ids=[body.__name__ for body, _, _ in CHANGES]
)
def test_changed_code_blocks_the_run_and_writes_nothing(
    body: Body, asked: str, recorded: str
) -> None:
    run = parked_under(original)
    before = kinds(run.id)
    notes.done.clear()

    blocked = go_on_under(body, run)

    assert (blocked.state, blocked.status) == (RunState.BLOCKED, "Greeting")
    assert blocked.error is not None
    assert blocked.error["message"].startswith(f"{asked} in the code but {recorded} in history")
    assert kinds(run.id) == [*before, "woken", "blocked"]
    assert get_history(run.id)[-1].data == {"error": blocked.error}
    assert notes.done == []


def test_a_blocked_run_goes_on_where_it_was_once_the_old_code_is_back() -> None:
    run = parked_under(original)
    go_on_under(renamed_step, run)
    send_event(run.id, "go", "now")

    done = go_on_under(original, run)

    assert (done.state, done.output, done.error) == (RunState.COMPLETED, "now", None)
    assert notes.done == ["greet Alice"]


def test_a_blocked_run_is_not_driven_again_by_itself() -> None:
    run = parked_under(original)
    go_on_under(renamed_step, run)

    assert drive_until_idle() == 0


def test_code_that_goes_on_where_the_old_code_ended_is_followed() -> None:
    def longer(run: Context) -> str:
        original(run)
        return run.step(greet, "Bob")

    run = parked_under(original)
    send_event(run.id, "go")

    assert go_on_under(longer, run).output == "Hello, Bob"


def test_a_reworded_label_is_followed_and_history_keeps_the_old_words() -> None:
    def reworded(run: Context) -> object:
        run.set_status("Saying hello")
        run.step(greet, "Alice")
        run.uuid()
        return run.wait_event("go")

    run = parked_under(original)
    send_event(run.id, "go", 1)

    done = go_on_under(reworded, run)

    assert (done.state, done.status) == (RunState.COMPLETED, "Greeting")


@dataclass
class Verdict:
    ok: bool


@step
def judge() -> dict[str, int]:
    return {"score": 3}


def _another_judge() -> Verdict:
    return Verdict(ok=True)


_another_judge.__name__ = "judge"
judge_anew = step(_another_judge)


def test_a_result_that_no_longer_fits_its_annotation_blocks_the_run() -> None:
    def judged(run: Context) -> object:
        run.step(judge)
        return run.wait_event("go")

    def judged_anew(run: Context) -> object:
        run.step(judge_anew)
        return run.wait_event("go")

    run = parked_under(judged)

    blocked = go_on_under(judged_anew, run)

    assert blocked.state == RunState.BLOCKED
    assert blocked.error is not None
    assert "step 'judge' with another result" in blocked.error["message"]


@contextmanager
def registered(function: Any, name: str, version: int = 1) -> Iterator[None]:
    """Let this be the code of a workflow for a while."""
    with mock.patch.dict(registry._workflows):
        registry._workflows.pop((name, version), None)
        workflow(name, version)(function)
        yield


@pytest.mark.parametrize("progress", [False, True], ids=["fresh", "under way"])
def test_input_that_no_longer_fits_the_code_blocks_the_run(progress: bool) -> None:
    def old(run: Context, name: str) -> object:
        return run.wait_event("go")

    def new(run: Context, full_name: str) -> object:
        return run.wait_event("go")

    with registered(old, "tests.signature"):
        view = start(old, name="Alice")
        if progress:
            drive_until_idle()
    with registered(new, "tests.signature"):
        retry_now(view.id)
        drive_until_idle()
    blocked = get_run(view.id)
    with registered(old, "tests.signature"):
        retry_now(view.id)
        send_event(view.id, "go", "still here")
        drive_until_idle()

    assert blocked.state == RunState.BLOCKED
    assert blocked.error is not None
    assert "its input no longer fits" in blocked.error["message"]
    assert "full_name" in blocked.error["message"]
    assert get_run(view.id).output == "still here"


@pytest.mark.parametrize(("name", "version"), [("tests.unheard_of", 1), ("tests.greet", 99)])
def test_a_run_without_code_is_blocked_until_the_code_is_there(name: str, version: int) -> None:
    view = start(greet_once, name="Alice")
    Run.objects.filter(pk=view.id).update(workflow=name, version=version)

    drive_until_idle()
    blocked = get_run(view.id)
    with registered(lambda run, name: run.step(greet, name), name, version):
        woken = retry_now(view.id)
        drive_until_idle()

    assert blocked.state == RunState.BLOCKED
    assert blocked.error is not None
    assert blocked.error["message"].startswith(f"no code here for '{name}' version {version}")
    assert woken
    assert get_run(view.id).output == "Hello, Alice"


def test_each_version_is_driven_by_its_own_code() -> None:
    def first(run: Context) -> str:
        return "first"

    def second(run: Context) -> str:
        return "second"

    with registered(first, "tests.versions", 1), registered(second, "tests.versions", 2):
        views = [start(first), start(second)]
        drive_until_idle()

    assert [get_run(view.id).output for view in views] == ["first", "second"]
