"""The rows of successors: what they are given, and what the run that ends lets go."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from workflows.api import HistoryKind, start
from workflows.core.codec import dumps
from workflows.core.lines import carried_notes, event_received
from workflows.core.notes import CarriedNotes
from workflows.core.run import ClaimedRun
from workflows.core.signature import Input
from workflows.core.states import RunState
from workflows.models import Event, History, Run
from workflows.store.continue_as_new import continue_run
from workflows.store.events import consume, load_inbox, send_event
from workflows.store.fence import UNCHANGED, Notes
from workflows.store.history import load_history
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    elsewhere,
    new_run,
    row,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.flows import wait_for_go
from workflows.tests.store.family_rows import child_of

NEW_YEAR = datetime(2100, 1, 1, tzinfo=UTC)

in_test = pytest.mark.django_db


def successor_of(run: ClaimedRun, *, notes: Notes = UNCHANGED) -> dict[str, Any]:
    """Continue the run as a new one; return every column of that."""
    successor = new_run(version=2, input=Input('{"n": 1}'))
    assert continue_run(run, successor, events=row(run.id)["events"], notes=notes)
    return row(successor.id)


def send(run_id: UUID, name: str) -> None:
    send_event(run_id, name=name, payload="1", key=None)


@in_test
def test_a_run_that_continues_ends_and_holds_nothing() -> None:
    start(wait_for_go)
    run = claim(worker_id=7)

    successor = successor_of(run)

    ended = row(run.id)
    assert (ended["state"], ended["continued_as"]) == (RunState.COMPLETED, successor["id"])
    assert ended["finished_at"] is not None
    held = (ended["worker_id"], ended["lease_until"], ended["wake_at"])
    assert held == (None, None, None)
    line = History.objects.get(run_id=run.id)
    assert (line.kind, line.data) == (HistoryKind.CONTINUED, {"run": str(successor["id"])})


@in_test
@pytest.mark.parametrize(
    ("notes", "data", "attributes"),
    [
        (UNCHANGED, {"a": 1}, {"b": 2}),
        (Notes(data='{"a": 3}'), {"a": 3}, {"b": 2}),
        (Notes(attributes='{"b": 4}'), {"a": 1}, {"b": 4}),
    ],
)
def test_a_run_that_continues_keeps_its_notes_and_stores_what_changed(
    notes: Notes, data: object, attributes: object
) -> None:
    run = started_and_claimed(wait_for_go)
    Run.objects.filter(pk=run.id).update(data={"a": 1}, attributes={"b": 2})

    successor = successor_of(run, notes=notes)

    ended = row(run.id)
    assert (ended["data"], ended["attributes"]) == (data, attributes)
    assert (successor["data"], successor["attributes"]) == (data, attributes)
    [begun] = load_history(successor["id"])
    assert carried_notes(begun) == CarriedNotes(dumps(data), dumps(attributes))


@in_test
def test_a_successor_of_a_run_that_kept_nothing_has_no_line() -> None:
    assert load_history(successor_of(started_and_claimed(wait_for_go))["id"]) == []


@in_test
@pytest.mark.parametrize("detached", [True, False])
def test_a_successor_takes_over_what_the_run_was_to_others(detached: bool) -> None:
    parent = started_and_claimed(wait_for_go)
    child = child_of(parent, detached=detached, undo_on_cancel=True)
    Run.objects.filter(pk=child["id"]).update(status="At it", deadline=NEW_YEAR, priority=7)
    Run.objects.filter(pk=child["id"]).update(tenant="ann")

    successor = successor_of(claim())

    same = ["parent_id", "parent_position", "detached", "workflow"]
    assert {name: successor[name] for name in same} == {name: child[name] for name in same}
    assert (successor["status"], successor["deadline"]) == ("At it", NEW_YEAR)
    assert (successor["priority"], successor["tenant"]) == (7, "ann")
    assert (successor["version"], successor["input"]) == (2, {"n": 1})
    assert not successor["undo_on_cancel"], "that is what the code of its version says"
    assert successor["state"] == RunState.PENDING
    assert successor["wake_at"] <= timezone.now()


@in_test
def test_every_run_of_a_chain_knows_the_first() -> None:
    first = started_and_claimed(wait_for_go)

    second = successor_of(first)
    third = successor_of(claim())

    assert (second["chain_id"], third["chain_id"]) == (first.id, first.id)


@in_test
def test_events_that_wait_go_along_and_consumed_ones_stay() -> None:
    run = started_and_claimed(wait_for_go)
    for name in ("go", "later", "last"):
        send(run.id, name)
    [go, *_] = load_inbox(run.id)
    consume(run, go, event_received(1, ["go"], "go", "1"))

    successor = successor_of(run)

    assert [event.name for event in load_inbox(successor["id"])] == ["later", "last"]
    assert successor["events"] == 2
    assert Event.objects.get(run_id=run.id).name == "go"


@pytest.mark.usefixtures("committed")
def test_a_run_does_not_go_on_past_an_event_that_it_cannot_see_yet() -> None:
    """The statement that moves the inbox would leave it behind."""
    run = started_and_claimed(wait_for_go)

    with transaction.atomic():
        send(run.id, "go")
        late = elsewhere(lambda: continue_run(run, new_run(), events=0, notes=UNCHANGED))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS) is False
    assert row(run.id)["state"] == RunState.RUNNING


@in_test
def test_a_key_stays_with_the_run_that_was_started_with_it() -> None:
    run = started_and_claimed(wait_for_go)
    successor = new_run(key="slot-3")

    assert continue_run(run, successor, events=0, notes=UNCHANGED)

    assert row(successor.id)["key"] is None
