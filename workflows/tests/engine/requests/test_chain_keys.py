"""The key of an event, or of an update, is known to the whole chain: whichever of its runs has consumed it,
and by the id of whichever it comes again."""

from uuid import UUID

import pytest

from workflows.api import (
    Context,
    KeyConflict,
    RunState,
    cancel,
    get_run,
    send_event,
    start,
    step,
    update,
    workflow,
)
from workflows.models import Event, Run
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import counted_statements, driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@step
def book(amount: int) -> None:
    notes.note(f"booked {amount}")


@workflow("tests.chain_keys.account")
def account(run: Context, booked: int = 0) -> None:
    """Each payment is booked by a run of its own."""
    run.step(book, run.wait_event("paid"))
    run.continue_as_new(booked=booked + 1)


@workflow("tests.chain_keys.counter")
def counter(run: Context, total: int = 0) -> None:
    added: list[int] = []

    def add(number: int) -> int:
        added.append(number)
        return total + number

    run.on_update("add", add)
    run.wait_event("next")
    run.continue_as_new(total=total + sum(added))


def chain_of(first: UUID) -> list[UUID]:
    """Return the runs of a chain in their order."""
    runs = [first]
    while (after := get_run(runs[-1]).continued_as) is not None:
        runs.append(after)
    return runs


def account_with(*payments: int) -> list[UUID]:
    """Return the runs of an account that has these payments, each under a key of its own."""
    run = driven(account)
    for amount in payments:
        send(run.id, "paid", amount, key=f"payment {amount}")
    return chain_of(run.id)


@pytest.mark.parametrize("sent_to", range(4), ids=["first", "second", "third", "newest"])
@pytest.mark.parametrize("amount", [1, 2, 3])
def test_an_event_that_comes_again_changes_nothing(sent_to: int, amount: int) -> None:
    runs = account_with(1, 2, 3)

    send(runs[sent_to], "paid", amount, key=f"payment {amount}")

    assert notes.done == ["booked 1", "booked 2", "booked 3"]
    assert len(chain_of(runs[0])) == 4


def test_another_payload_under_its_key_is_refused_along_the_chain() -> None:
    runs = account_with(1, 2, 3)

    for run in runs:
        with pytest.raises(KeyConflict):
            send_event(run, "paid", 20, key="payment 2")


def test_a_key_is_known_when_the_chain_has_ended() -> None:
    runs = account_with(1, 2, 3)
    cancel(runs[0])

    for run in runs:
        send_event(run, "paid", 2, key="payment 2")

    assert Run.objects.filter(state=RunState.CANCELLED).count() == 1


def test_other_chains_have_keys_of_their_own() -> None:
    account_with(1, 2)

    account_with(1, 2)

    assert notes.done == ["booked 1", "booked 2"] * 2


def test_what_an_event_brought_is_told_once_however_it_waited() -> None:
    run = start(account)
    for _ in range(2):
        for amount in (1, 2, 3):
            send_event(run.id, "paid", amount, key=f"payment {amount}")
        drive_until_idle()

    assert notes.done == ["booked 1", "booked 2", "booked 3"]


def test_a_send_by_key_costs_the_same_for_a_long_chain() -> None:
    sent = []
    for payments in (2, 12):
        runs = account_with(*range(payments))
        with counted_statements() as statements:
            send_event(runs[0], "paid", 1, key="payment 1")
        sent.append(len(statements))

    assert sent[0] == sent[1]


def test_an_update_that_comes_again_has_the_same_answer() -> None:
    run = driven(counter)
    answers = [update(run.id, "add", 3, key="a")]
    for _ in range(2):
        send(run.id, "next")

    answers += [update(each, "add", 3, key="a") for each in chain_of(run.id)]

    assert answers == [3, 3, 3, 3]
    assert update(run.id, "add", 1, key="b") == 4
    with pytest.raises(KeyConflict):
        update(run.id, "add", 4, key="a")


def test_the_ends_of_children_and_events_without_a_key_are_left_as_they_are() -> None:
    run = driven(account)
    send(run.id, "paid", 1)
    send(run.id, "paid", 2, key="payment 2")

    marked = Event.objects.exclude(chain_id=None).values_list("key", flat=True)

    assert list(marked) == ["payment 2"]


def test_killed_anywhere_each_payment_is_booked_once() -> None:
    def play() -> None:
        run = start(account)
        for _ in range(2):
            for amount in (1, 2, 3):
                send_event(run.id, "paid", amount, key=f"payment {amount}")
            drive_until_idle()

    crash_everywhere(play, at_least_once=lambda: notes.done)
