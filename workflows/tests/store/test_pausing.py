"""Pause and resume: in which states, and in which columns."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from workflows.core.asked import Asked
from workflows.core.states import RunState
from workflows.models import Event, Run
from workflows.store.pausing import pause_run, resume_run
from workflows.store.queue import claim_run
from workflows.tests.builders import kinds, row

pytestmark = pytest.mark.django_db
ALICE = Asked("alice")
PAUSED: dict[str, Any] = {"state": RunState.PAUSED, "pausing": True}


def made(state: RunState, **columns: Any) -> UUID:
    return Run.objects.create(
        **{"workflow": "tests.made", "version": 1, "state": state, **columns}
    ).pk


@pytest.mark.parametrize("state", sorted(RunState))
def test_only_a_run_that_goes_on_is_paused(state: RunState) -> None:
    run_id = made(state, wake_at=Now())

    done = pause_run(run_id, ALICE)

    assert done is (state in {RunState.PENDING, RunState.WAITING, RunState.RUNNING})
    stored = row(run_id)
    assert stored["pausing"] is done
    if done and state != RunState.RUNNING:
        assert (stored["state"], stored["wake_at"]) == (RunState.PAUSED, None)
        assert stored["due_at_resume"] is not None
        assert claim_run(worker_id=None, lease_seconds=1, only=run_id) is None
    else:
        assert stored["state"] == state
    assert kinds(run_id) == (["paused"] if done else [])


@pytest.mark.parametrize("state", sorted(RunState))
def test_only_a_run_that_is_paused_or_is_to_pause_is_resumed(state: RunState) -> None:
    run_id = made(state, pausing=True)

    assert resume_run(run_id, ALICE) is (state in {RunState.PAUSED, RunState.RUNNING})


@pytest.mark.parametrize(
    ("seconds", "then"), [(-1, RunState.PENDING), (60, RunState.WAITING), (None, RunState.WAITING)]
)
def test_a_resumed_run_is_due_when_it_was_to_be(seconds: int | None, then: RunState) -> None:
    due = None if seconds is None else Now() + timedelta(seconds=seconds)
    run_id = made(**PAUSED, due_at_resume=due)
    kept = row(run_id)["due_at_resume"]

    resume_run(run_id, ALICE)

    stored = row(run_id)
    assert (stored["state"], stored["wake_at"], stored["due_at_resume"]) == (then, kept, None)


@pytest.mark.parametrize(("name", "then"), [("go", "pending"), ("other", "waiting")])
def test_an_event_that_it_waits_for_makes_it_due(name: str, then: str) -> None:
    run_id = made(**PAUSED, waiting_for=["go"])
    Event.objects.create(run_id=run_id, name=name, payload={})

    resume_run(run_id, ALICE)

    assert row(run_id)["state"] == then


def test_who_is_not_there_is_told_apart() -> None:
    assert pause_run(UUID(int=1), ALICE) is None
