"""What a retry writes, and what stands in its way."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from workflows.core.asked import Asked
from workflows.core.history import RETRY
from workflows.core.lines import patch_taken
from workflows.core.states import RunState
from workflows.models import Event, History, Run
from workflows.store import retry as store
from workflows.store.history import append, load_history
from workflows.store.steering import cancel_run
from workflows.tests.builders import claim, kinds, row

pytestmark = pytest.mark.django_db
ERROR = {"type": "ValueError", "message": "a mistake"}
ALICE = Asked("alice", "mended", "test")


def made(state: RunState = RunState.FAILED, **columns: Any) -> Run:
    return Run.objects.create(workflow="tests.made", version=1, state=state, **columns)


def found(run_id: UUID) -> store.Found:
    run = store.find(run_id)
    assert run is not None
    return run


def test_a_retried_run_is_due_at_once_and_has_no_end() -> None:
    run = made(error=ERROR, finished_at=Now(), crashes=3)

    store.retry_run(run.pk, ALICE, positions=[2], deadline_seconds=None)

    stored = row(run.pk)
    assert (stored["state"], stored["error"], stored["finished_at"]) == ("pending", None, None)
    assert (stored["crashes"], stored["retries"], stored["deadline"]) == (0, 1, None)
    assert stored["wake_at"] <= timezone.now()
    assert kinds(run.pk) == ["retried"]


def test_lines_written_after_it_have_parts_of_their_own() -> None:
    run = made(attempt=1)
    store.retry_run(run.pk, ALICE, positions=[], deadline_seconds=None)

    held = claim()
    append(held, patch_taken(1, "p"))

    assert held.retries == 1
    assert History.objects.get(position=1).part == RETRY
    assert load_history(run.pk)[-1].place == 0


def test_a_run_that_has_changed_since_it_was_looked_at_is_not_locked() -> None:
    run = made()
    looked = found(run.pk)

    assert store.lock([looked])
    Run.objects.filter(pk=run.pk).update(attempt=7)
    assert not store.lock([looked])


def test_a_deadline_in_the_past_is_told() -> None:
    late = made(deadline=timezone.now() - timedelta(seconds=9))

    assert found(late.pk).is_late
    assert not found(made().pk).is_late


def test_what_a_parent_has_heard() -> None:
    parent = made(RunState.WAITING)
    child = made(parent_id=parent.pk)
    label = found(child.pk).label

    assert store.lock_parent(parent.pk, label) == (RunState.WAITING, False)
    Event.objects.create(run=parent, name=label, payload={}, key=label, position=4)
    assert store.lock_parent(parent.pk, label) == (RunState.WAITING, True)
    store.withdraw(parent.pk, [label])
    assert store.lock_parent(parent.pk, label) == (RunState.WAITING, False)


def test_the_ends_of_children_are_told_again_each_once() -> None:
    parent = made()
    heard, unheard = (made(parent_id=parent.pk, error=ERROR) for _ in range(2))
    label = found(heard.pk).label
    Event.objects.create(run=parent, name=label, payload={"state": "failed"}, key=label, position=4)

    store.tell_again(parent.pk, [found(heard.pk), found(unheard.pk)])

    events = Event.objects.filter(run=parent).order_by("id")
    assert [event.position for event in events] == [None, None]
    assert events[1].payload == {"state": "failed", "output": None, "error": ERROR}
    assert row(parent.pk)["events"] == 1


def test_children_are_those_that_their_parent_waits_for() -> None:
    parent = made()
    child = made(parent_id=parent.pk)
    made(parent_id=parent.pk, detached=True)

    assert [each.id for each in store.children_of(parent.pk)] == [child.pk]


def test_why_a_run_was_cancelled_is_known() -> None:
    run = made(RunState.WAITING)
    cancel_run(run.pk, by="bob", reason="enough")

    assert store.why_cancelled(run.pk) == Asked("bob", "enough")
    assert store.why_cancelled(made().pk) == Asked()
