"""An event of a run and its sender's line: both or neither, and no two runs that wait for each other."""

from concurrent.futures import Future
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import start
from workflows.core.event_lines import event_sent
from workflows.core.run import ClaimedRun, Fact
from workflows.models import Event, History, Run
from workflows.store.events import Sent, Unfit
from workflows.store.fence import Notes
from workflows.store.history import Written
from workflows.store.sent_events import Letter, send_and_record
from workflows.tests.builders import (
    connected,
    elsewhere,
    give_to_another,
    row,
    run_sql,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.usefixtures("committed")
MANY = 100


def letter(to: UUID, key: str = "k", payload: str = "1") -> Letter:
    return Letter(to=to, name="go", payload=payload, key=key)


def fact(to: UUID, position: int = 1) -> Fact:
    return event_sent(position, "go", to, {})


def test_event_counter_bell_and_line_come_together() -> None:
    sender = started_and_claimed(wait_for_go)
    other = start(greet_once, name="Ann").id

    sent = send_and_record(sender, letter(other), fact(other))

    assert isinstance(sent, Written)
    assert (row(other)["events"], row(sender.id)["events"]) == (1, 0)
    assert Event.objects.get(run=other).sender == sender.id
    assert History.objects.get(run=sender.id).name == "go"


def test_what_the_workflow_keeps_is_stored_along_also_where_it_sends_to_itself() -> None:
    sender = started_and_claimed(wait_for_go)
    notes = Notes('{"a": 1}', None)

    sent = send_and_record(sender, letter(sender.id), fact(sender.id), notes=notes)

    assert isinstance(sent, Written)
    assert (row(sender.id)["events"], row(sender.id)["data"]) == (1, {"a": 1})


def test_a_zombie_sends_nothing() -> None:
    sender = started_and_claimed(wait_for_go)
    other = start(greet_once, name="Ann").id
    give_to_another(sender)

    assert send_and_record(sender, letter(other), fact(other)) is None
    assert not Event.objects.exists()
    assert not History.objects.exists()


def test_each_refusal_is_told_and_leaves_nothing() -> None:
    sender = started_and_claimed(wait_for_go)
    other = start(greet_once, name="Ann").id
    unfit = [("another", 1), ("tests.greet", 1)]

    def answer(sent: Letter) -> object:
        return send_and_record(sender, sent, fact(sent.to))

    assert answer(letter(UUID(int=1))) == Sent.NOT_FOUND
    assert answer(replace(letter(other), unfit=unfit)) == Unfit("tests.greet", 1)
    assert not History.objects.exists()
    Event.objects.create(run_id=other, name="go", payload=1, key="k")
    assert answer(letter(other)) == Sent.ACCEPTED
    assert answer(letter(other, payload="2")) == Sent.CONFLICT
    Run.objects.filter(pk=other).update(state="cancelled", wake_at=None)
    assert answer(letter(other, key="new")) == Sent.OVER
    assert Event.objects.count() == 1


def test_a_locked_receiver_is_waited_for_while_nothing_is_held() -> None:
    sender = started_and_claimed(wait_for_go)
    other = start(greet_once, name="Ann").id
    with transaction.atomic():
        run_sql(f"SELECT FROM workflows_run WHERE id = '{other}' FOR UPDATE")
        sending: Future[object] = elsewhere(
            lambda: send_and_record(sender, letter(other), fact(other))
        )
        until(somebody_waits_for_a_lock)
        with connected() as third:  # which would fail where the sender's row is held
            third.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE NOWAIT", [sender.id])

    assert isinstance(sending.result(), Written)


def test_a_sender_whose_own_row_is_locked_does_not_wait_and_sends_nothing() -> None:
    sender = started_and_claimed(wait_for_go)
    other = start(greet_once, name="Ann").id
    with connected() as third:
        third.execute("BEGIN")
        third.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [sender.id])

        assert send_and_record(sender, letter(other), fact(other)) is None
    assert not Event.objects.exists()


def test_two_runs_that_send_to_each_other_all_the_time_never_wait_in_a_circle() -> None:
    one, other = started_and_claimed(wait_for_go), started_and_claimed(wait_for_go)

    def send_many(sender: ClaimedRun, to: UUID) -> int:
        tries = 0
        for position in range(1, MANY + 1):
            sent = None
            while sent is None:
                tries += 1
                sent = send_and_record(sender, letter(to, str(position)), fact(to, position))
        return tries

    sending = elsewhere(lambda: send_many(one, other.id))
    send_many(other, one.id)  # a circle would raise on one of the two sides
    sending.result()

    assert (row(one.id)["events"], row(other.id)["events"]) == (MANY, MANY)
    assert History.objects.filter(run__in=[one.id, other.id]).count() == 2 * MANY
