"""The inbox: kept if early, once if duplicated, consumed once, refused when the run is over."""

import uuid
from concurrent.futures import wait
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from workflows.core.history import HistoryKind
from workflows.core.lines import event_received
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.states import RunState
from workflows.engine.requests import send_event as send_event_module
from workflows.models import Event, Run
from workflows.store.continue_as_new import continue_run
from workflows.store.events import Sent, consume, load_inbox, send_event
from workflows.store.fence import UNCHANGED
from workflows.store.parking import park_run
from workflows.store.runs import end_run
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    connected,
    counted_statements,
    elsewhere,
    kinds,
    new_run,
    row,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.flows import wait_for_go

TOGETHER = 4


def held() -> ClaimedRun:
    return started_and_claimed(wait_for_go)


def parked(*names: str) -> ClaimedRun:
    run = held()
    assert park_run(run, Park(waiting_for=names))
    return run


def send(run_id: uuid.UUID, name: str = "go", *, key: str | None = None, payload: str = "1") -> Any:
    return send_event(run_id, name=name, payload=payload, key=key)


def received(position: int) -> Fact:
    return event_received(position, ["go"], "go", "1")


@pytest.mark.django_db
def test_events_are_kept_in_the_order_they_came() -> None:
    run = held()

    for payload in ("1", "2", "3"):
        assert send(run.id, payload=payload) is Sent.ACCEPTED

    assert [event.payload for event in load_inbox(run.id)] == ["1", "2", "3"]
    assert row(run.id)["events"] == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "payload", "answer"),
    [
        ("go", '{"a": 1, "b": [2]}', Sent.ACCEPTED),
        ("go", '{"b": [2.0], "a": 1}', Sent.ACCEPTED),
        ("go", '{"a": 1, "b": [3]}', Sent.CONFLICT),
        ("go", '{"a": "1", "b": [2]}', Sent.CONFLICT),
        ("go", "null", Sent.CONFLICT),
        ("stop", '{"a": 1, "b": [2]}', Sent.CONFLICT),
    ],
)
@pytest.mark.parametrize("before", ["waits", "consumed", "over"])
def test_a_key_is_taken_once_and_stands_for_one_event(
    before: str, name: str, payload: str, answer: Sent
) -> None:
    run = held()
    send(run.id, key="delivery-1", payload='{"a": 1, "b": [2]}')
    [event] = load_inbox(run.id)
    if before != "waits":
        consume(run, event, received(1))
    if before == "over":
        end_run(run, RunState.COMPLETED, before=RunState.RUNNING)

    again = send(run.id, name, key="delivery-1", payload=payload)

    assert again is answer
    assert Event.objects.get().payload == {"a": 1, "b": [2]}
    assert row(run.id)["events"] == 1


@pytest.mark.django_db
def test_an_event_that_is_new_is_one_statement() -> None:
    run = held()

    with counted_statements() as sent:
        send(run.id, key="delivery-1")

    assert len(sent) == 1


@pytest.mark.django_db
def test_a_key_that_was_consumed_is_still_known() -> None:
    run = held()
    send(run.id, key="delivery-1")
    [event] = load_inbox(run.id)
    consume(run, event, received(1))

    assert send(run.id, key="delivery-1") is Sent.ACCEPTED
    assert load_inbox(run.id) == []


@pytest.mark.django_db
def test_a_key_belongs_to_its_run() -> None:
    first, second = held(), held()

    send(first.id, key="delivery-1")
    send(second.id, key="delivery-1")

    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_nobody_has_an_inbox_without_a_run() -> None:
    assert send(uuid.uuid4()) is Sent.NOT_FOUND
    assert Event.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_is_over_takes_no_event(state: RunState) -> None:
    run = Run.objects.create(workflow="tests.made", version=1, state=state)

    assert send(run.pk) is Sent.OVER
    assert Event.objects.count() == 0
    assert row(run.pk)["events"] == 0


@pytest.mark.django_db
def test_a_duplicate_of_an_accepted_event_is_accepted_after_the_end() -> None:
    run = held()
    send(run.id, key="delivery-1")
    end_run(run, RunState.COMPLETED, before=RunState.RUNNING)

    assert send(run.id, key="delivery-1") is Sent.ACCEPTED
    assert send(run.id, key="delivery-2") is Sent.OVER


@pytest.mark.django_db
def test_an_awaited_name_wakes_the_run() -> None:
    run = parked("go", "stop")

    send(run.id, "stop")

    assert row(run.id)["wake_at"] is not None


@pytest.mark.django_db
def test_another_name_is_kept_and_wakes_nobody() -> None:
    run = parked("go", "stop")

    send(run.id, "details")

    assert row(run.id)["wake_at"] is None
    assert [event.name for event in load_inbox(run.id)] == ["details"]


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.WAITING}))
def test_only_a_waiting_run_is_woken(state: RunState) -> None:
    run = Run.objects.create(workflow="tests.made", version=1, state=state, waiting_for=["go"])

    send(run.pk)

    assert row(run.pk)["wake_at"] is None


@pytest.mark.django_db
def test_a_duplicate_wakes_nobody() -> None:
    run = held()
    send(run.id, key="delivery-1")
    park_run(run, Park(waiting_for=("go",)))

    send(run.id, key="delivery-1")

    assert row(run.id)["wake_at"] is None


@pytest.mark.django_db
def test_consuming_records_the_event_and_empties_the_inbox() -> None:
    run = held()
    send(run.id)
    [event] = load_inbox(run.id)

    written = consume(run, event, received(4))

    assert written is not None
    assert (written.entry.position, written.entry.data["payload"]) == (4, 1)
    assert load_inbox(run.id) == []
    assert Event.objects.get().position == 4


@pytest.mark.django_db
def test_an_event_is_consumed_once() -> None:
    run = held()
    send(run.id)
    [event] = load_inbox(run.id)
    consume(run, event, received(1))

    assert consume(run, event, received(2)) is None

    assert kinds(run.id) == [HistoryKind.EVENT_RECEIVED]


@pytest.mark.django_db
def test_an_event_of_another_run_cannot_be_consumed() -> None:
    mine, theirs = held(), held()
    send(theirs.id)
    [event] = load_inbox(theirs.id)

    assert consume(mine, event, received(1)) is None
    assert len(load_inbox(theirs.id)) == 1


@pytest.mark.django_db
def test_a_run_that_undoes_its_steps_takes_no_event() -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(state=RunState.COMPENSATING)

    assert send(run.id) is Sent.OVER
    assert load_inbox(run.id) == []


@pytest.mark.usefixtures("committed")
def test_senders_with_one_key_leave_one_event_and_senders_without_leave_all() -> None:
    run = parked("go")
    barrier = Barrier(2 * TOGETHER)

    def race(key: str | None) -> Any:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        return send(run.id, key=key)

    racing = [elsewhere(lambda key=key: race(key)) for key in ["k", None] * TOGETHER]  # type: ignore[misc]
    wait(racing, PATIENCE_SECONDS)

    assert {future.result() for future in racing} == {Sent.ACCEPTED}
    assert Event.objects.filter(key="k").count() == 1
    assert row(run.id)["events"] == Event.objects.count() == TOGETHER + 1


@pytest.mark.usefixtures("committed")
def test_an_event_that_races_with_the_end_of_the_run_waits_and_is_refused() -> None:
    run = held()

    with transaction.atomic():
        end_run(run, RunState.COMPLETED, before=RunState.RUNNING)
        late = elsewhere(lambda: send(run.id))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS) is Sent.OVER
    assert Event.objects.count() == 0


@pytest.mark.usefixtures("committed")
def test_a_duplicate_that_races_with_the_end_of_the_run_is_accepted_all_the_same() -> None:
    run = held()

    with transaction.atomic():
        send(run.id, key="delivery-1")
        [event] = load_inbox(run.id)
        consume(run, event, received(1))
        end_run(run, RunState.COMPLETED, before=RunState.RUNNING)
        again = elsewhere(lambda: send(run.id, key="delivery-1"))
        until(somebody_waits_for_a_lock)

    assert again.result(PATIENCE_SECONDS) is Sent.ACCEPTED
    assert Event.objects.count() == 1


@pytest.mark.usefixtures("committed")
def test_of_two_events_with_one_key_at_once_the_second_is_a_conflict() -> None:
    run = held()

    with transaction.atomic():
        send(run.id, key="delivery-1")
        other = elsewhere(lambda: send(run.id, key="delivery-1", payload="2"))
        until(somebody_waits_for_a_lock)

    assert other.result(PATIENCE_SECONDS) is Sent.CONFLICT
    assert Event.objects.get().payload == 1


@pytest.mark.usefixtures("committed")
def test_a_duplicate_that_races_with_continue_as_new_is_not_consumed_again() -> None:
    run, new_id = held(), uuid.uuid4()

    with transaction.atomic():
        send(run.id, key="delivery-1")
        [event] = load_inbox(run.id)
        consume(run, event, received(1))
        continued = continue_run(run, new_run(id=new_id), events=1, notes=UNCHANGED)
        again = elsewhere(lambda: send_event_module.send_event(run.id, "go", 1, key="delivery-1"))
        until(somebody_waits_for_a_lock)

    again.result(PATIENCE_SECONDS)
    assert continued
    assert load_inbox(new_id) == []


@pytest.mark.usefixtures("committed")
def test_the_bell_rings_when_the_transaction_of_the_sender_is_committed() -> None:
    run = parked("go")

    with connected() as own:
        own.execute("LISTEN workflows_due")
        with transaction.atomic():
            send(run.id)
            own.execute("SELECT 1")
            before = list(own.notifies(timeout=0))
        own.execute("SELECT 1")
        after = list(own.notifies(timeout=0))

    assert (len(before), len(after)) == (0, 1)
