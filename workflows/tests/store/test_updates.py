"""The answer of an update is written by who holds its run, and told to who waits for it."""

from dataclasses import replace

import pytest

from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.core.update_lines import update_answered
from workflows.store import updates
from workflows.store.events import put_event
from workflows.store.waiters import Waiter
from workflows.tests.builders import PATIENCE_SECONDS, kinds, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.usefixtures("committed")


def asked() -> tuple[ClaimedRun, int]:
    """A run under a lease, with an update."""
    run = started_and_claimed(wait_for_go)
    _, event = put_event(run.id, name="on_update:add", payload="1", key="k")
    return run, event


def test_an_answer_is_recorded_and_told_to_who_waits() -> None:
    run, event = asked()
    with Waiter(run.id) as waiter:
        assert updates.answer(run, event, update_answered(1, "add", output="7")) is not None
        told = next(waiter._own.notifies(timeout=PATIENCE_SECONDS))

    assert told.payload == str(run.id)
    assert updates.find_asked(event) == (run.id, RunState.RUNNING, {"output": 7})


def test_a_refused_one_leaves_the_inbox_and_no_line() -> None:
    run, event = asked()

    assert updates.refuse(run, event, "no") is True
    assert updates.refuse(run, event, "no") is False
    assert updates.find_asked(event) == (run.id, RunState.RUNNING, {"refused": "no"})
    assert kinds(run.id) == []


def test_whoever_lost_the_run_answers_nothing() -> None:
    run, event = asked()
    zombie = replace(run, attempt=run.attempt - 1)

    assert updates.refuse(zombie, event, "no") is False
    assert updates.answer(zombie, event, update_answered(1, "add")) is None
    assert updates.find_asked(event) == (run.id, RunState.RUNNING, None)
    assert updates.find_asked(0) is None
