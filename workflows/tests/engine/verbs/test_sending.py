"""run.send_event: once, whoever dies; refused, and caught; between runs that send to each other."""

from uuid import UUID

import pytest
from django.db.models.functions import Now

from workflows.api import (
    Context,
    HistoryKind,
    InvalidInput,
    KeyConflict,
    RequestError,
    RunIsOver,
    RunNotFound,
    RunState,
    cancel,
    get_run,
    retry,
    send_event,
    start,
    workflow,
)
from workflows.core.errors import ReplayMismatch
from workflows.core.idempotency_key import step_key
from workflows.engine.drive.drive import drive
from workflows.models import Event, Run
from workflows.testing import assert_deterministic, crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, counted_statements, driven, elsewhere, kinds, until
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.old_runs import chain

pytestmark = pytest.mark.django_db
MANY = 20


@workflow("sending.told")
def told(run: Context) -> list[object]:
    event = run.wait_event(["go"])
    return [event.payload, event.by, event.tenant, str(event.run)]


@workflow("sending.typed", events={"go": int})
def typed(run: Context) -> int:
    return int(run.wait_event(["go"]).payload)


@workflow("sending.tells")
def tells(run: Context, to: str, payload: object = 1, own: str | None = None) -> str:
    run.data["to"] = to
    try:
        run.send_event(to, "go", payload, key=own)
    except RequestError as refused:
        return f"{type(refused).__name__}: {refused}"
    return "sent"


@workflow("sending.uncaught")
def uncaught(run: Context, to: str) -> None:
    run.send_event(to, "go")


@workflow("sending.itself")
def to_itself(run: Context) -> object:
    run.data["seen"] = True
    run.send_event(run.run_id, "go", 7)
    return run.wait_event("go")


@workflow("sending.child")
def to_child(run: Context) -> list[object]:
    child = run.start_child(told)
    run.send_event(child, "go", run.idempotency_key)
    return child.result()


@workflow("sending.peer")
def peer(run: Context, other: str | None = None, many: int = MANY) -> list[int]:
    to = other or run.wait_event("peer")
    for number in range(many):
        run.send_event(to, "number", number)
    return [run.wait_event("number") for _ in range(many)]


def test_the_receiver_gets_the_event_and_who_sent_it() -> None:
    to = driven(told)
    sender = start.using(tenant="acme")(tells, to=str(to.id), payload={"a": 1})
    drive_until_idle()

    assert get_run(sender.id).output == "sent"
    assert get_run(to.id).output == [{"a": 1}, "", "acme", str(sender.id)]
    assert kinds(sender.id) == [HistoryKind.EVENT_SENT, HistoryKind.RUN_COMPLETED]
    assert Event.objects.get(run=to.id).key == f"{sender.id}:1"


def test_who_sends_from_outside_says_who_he_is_and_for_whom() -> None:
    to = driven(told)
    send_event(to.id, "go", 1, by="alice", tenant="acme")
    drive_until_idle()

    assert get_run(to.id).output == [1, "alice", "acme", "None"]


def test_sending_takes_one_statement() -> None:
    to = driven(wait_for_go)
    start(tells, to=str(to.id))
    with counted_statements() as statements:
        drive(claim())

    assert len(statements) == 3  # claim, send, end


def test_killed_anywhere_the_event_is_sent_once() -> None:
    def play() -> None:
        to = driven(told)
        start(tells, to=str(to.id))
        drive_until_idle()

    def inbox() -> list[tuple[str, object]]:
        return list(Event.objects.values_list("name", "payload"))

    crash_everywhere(play, observe=inbox, pairs=True)


def test_killed_anywhere_a_refusal_is_the_same() -> None:
    def play() -> None:
        over = driven(greet_once, name="Ann")
        start(tells, to=str(over.id))
        drive_until_idle()

    crash_everywhere(play)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (UUID(int=1), RunNotFound("no run 00000000-0000-0000-0000-000000000001")),
        ("me", RunNotFound("no run 'me'; give the id of a run")),
    ],
)
def test_a_run_that_is_not_there_is_an_error_that_the_code_can_catch(
    to: object, expected: Exception
) -> None:
    run = driven(tells, to=str(to))

    assert run.output == f"RunNotFound: {expected}"


def test_a_run_that_is_over_takes_nothing_and_the_code_hears_it_at_every_replay_alike() -> None:
    over = driven(greet_once, name="Ann")
    run = driven(tells, to=str(over.id))

    assert run.output == f"{RunIsOver.__name__}: run {over.id} has ended and takes no event 'go'"
    assert kinds(run.id) == [HistoryKind.EVENT_REFUSED, HistoryKind.RUN_COMPLETED]
    assert_deterministic(tells, to=str(over.id))


def test_who_has_failed_of_a_refusal_sends_again_when_it_is_retried() -> None:
    to = driven(wait_for_go)
    Run.objects.filter(pk=to.id).update(state=RunState.CANCELLED, wake_at=None)
    run = driven(uncaught, to=str(to.id))
    assert run.state == RunState.FAILED
    Run.objects.filter(pk=to.id).update(state=RunState.PENDING, wake_at=Now())
    assert retry(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPLETED
    assert Event.objects.filter(run=to.id).count() == 1


def test_what_the_receiver_declares_otherwise_is_refused() -> None:
    to = driven(typed)
    run = driven(tells, to=str(to.id), payload="many")

    assert run.output.startswith(InvalidInput.__name__)
    assert not Event.objects.exists()


def test_a_key_of_ones_own_makes_two_sends_one() -> None:
    to = driven(wait_for_go)
    send_event(to.id, "go", 1, key="k")

    assert driven(tells, to=str(to.id), own="k").output == "sent"
    assert driven(tells, to=str(to.id), own="k", payload=2).output.startswith(KeyConflict.__name__)
    assert Event.objects.count() == 1


def test_a_chain_is_followed_to_its_living_end() -> None:
    first = driven(chain, hops=3, waits=True)

    assert driven(tells, to=str(first.id)).output == "sent"
    assert get_run(first.id).continued_as is not None
    assert Event.objects.get(name="go").run_id not in (first.id, get_run(first.id).continued_as)


def test_a_run_may_send_to_itself() -> None:
    run = driven(to_itself)

    assert (run.state, run.output, run.data) == (RunState.COMPLETED, 7, {"seen": True})


def test_a_child_is_named_by_its_handle_and_a_key_in_the_payload_is_filled_in() -> None:
    run = driven(to_child)

    key, _, _, sender = run.output
    assert sender == str(run.id)
    assert key == step_key(run.id, 2)
    assert_deterministic(to_child)


def test_another_payload_than_the_recorded_one_blocks_the_run() -> None:
    to = driven(wait_for_go)
    payloads = iter([1, 2])

    @workflow("sending.changing")
    def changing(run: Context) -> None:
        run.send_event(str(to.id), "go", next(payloads))
        run.wait_event("on")

    run = driven(changing)
    send_event(run.id, "on")
    drive_until_idle()

    error = get_run(run.id).error
    assert error is not None
    assert error["type"].endswith(ReplayMismatch.__name__)
    assert "send 'go' with payload=2" in error["message"]


def test_a_run_that_is_being_cancelled_sends_nothing() -> None:
    to = driven(wait_for_go)
    run = start(tells, to=str(to.id))
    claimed = claim()
    cancel(run.id)
    drive(claimed)

    assert get_run(run.id).state == RunState.CANCELLED
    assert not Event.objects.exists()


@pytest.mark.usefixtures("committed")
def test_pairs_that_send_to_each_other_at_once_all_end() -> None:
    first = driven(peer)
    other = start(peer, other=str(first.id))
    send_event(first.id, "peer", str(other.id))

    driving = elsewhere(drive_until_idle)  # each claims one of them
    drive_until_idle()
    driving.result()

    until(lambda: drive_until_idle() == 0)
    for run in (first, other):
        assert get_run(run.id).output == list(range(MANY))
