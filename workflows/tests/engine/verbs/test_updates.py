"""When a run answers updates, and how a replay finds the same moment again."""

from typing import Any

import pytest

from workflows.api import (
    Context,
    RunState,
    get_history,
    get_run,
    replay_open_runs,
    step,
    workflow,
)
from workflows.core.update_lines import UPDATE_EVENT
from workflows.store.events import put_event
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db
_seen: list[str] = []


@step
def hear(word: str) -> str:
    """While it runs, somebody asks for something."""
    _seen.append(word)
    return word


@workflow("updating.order")
def order(run: Context) -> list[str]:
    told: list[str] = []

    def note(word: str) -> list[str]:
        told.append(word)
        run.step(hear, word)
        return told

    run.on_update("note", note)
    told.append("sleeps")
    run.sleep(100)
    told.append("woken")
    run.uuid()
    told.append(f"got {run.wait_event('go', timeout_seconds=50)}")
    if run.patched("more"):
        run.set_status("almost")
    told.append("asks")
    run.step(hear, "asked")
    return told


def ask(run: Any, word: str) -> None:
    put_event(run.id, name=f"{UPDATE_EVENT}note", payload=f'"{word}"', key=word)


def test_a_replay_answers_each_at_the_same_place() -> None:
    run = driven(order)
    ask(run, "a")
    drive_until_idle()
    assert get_run(run.id).state == RunState.WAITING
    advance(99)
    assert get_run(run.id).waiting_for == ("on_update:note",)
    advance(1)
    ask(run, "b")
    drive_until_idle()
    assert not list(replay_open_runs())
    ask(run, "c")
    send(run, "go")

    told = ["sleeps", "a", "woken", "b", "c", "got None", "asks"]
    assert get_run(run.id).output == told


def test_a_sleep_with_updates_ends_when_its_time_has_come_and_not_before() -> None:
    run = driven(order)
    [line] = get_history(run.id)
    ask(run, "a")
    advance(50)
    until = get_run(run.id).wake_at
    assert until is not None
    advance(49)

    assert [entry.kind for entry in get_history(run.id)][-1] == "update_answered"
    assert (until - line.at).total_seconds() == pytest.approx(100, abs=0.1)


def test_killed_anywhere_updates_during_sleeps_and_waits_are_answered_the_same() -> None:
    def play() -> None:
        run = driven(order)
        ask(run, "a")
        drive_until_idle()
        advance(100)
        ask(run, "b")
        drive_until_idle()
        send(run, "go")

    crash_everywhere(play)
