"""Events with a type: read as it says, refused where they are sent, and never lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from pydantic import BaseModel

from workflows.api import (
    Context,
    DefinitionError,
    HistoryKind,
    InvalidInput,
    RunState,
    RunView,
    cancel,
    get_run,
    replay_open_runs,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.definitions import workflow as registry
from workflows.models import Event
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import counted_statements, driven, kinds

pytestmark = pytest.mark.django_db


@dataclass
class Address:
    city: str
    number: int = 1


class Order(BaseModel):
    items: list[str]


GHENT = {"city": "Ghent", "number": 7}


@workflow("types.asking")
def asking(run: Context, seconds: float | None = None) -> str:
    address = run.wait_event("address", type=Address, timeout_seconds=seconds)
    return "nobody" if address is None else f"{address.city} {address.number}"


@workflow("types.declared", events={"address": Address, "order": Order, "count": int | None})
def declared(run: Context) -> str:
    address = run.wait_event("address", type=Address)
    order = run.wait_event("order", "stop").payload
    woken = run.wait_any(event="count").event
    assert woken is not None
    return f"{address.city}: {order.items} {woken.payload}"


@workflow("types.loose", version=1)
def loose(run: Context) -> Any:
    return run.wait_event("address")


@workflow("types.loose", version=2, events={"address": Address})
def strict(run: Context) -> Any:
    return run.wait_event("address").city


@contextmanager
def deployed(code: Callable[..., Any], name: str, **options: Any) -> Iterator[None]:
    """Let this be the code of a workflow for a while."""
    with mock.patch.dict(registry._workflows):
        registry._workflows.pop((name, 1), None)
        workflow(name, **options)(code)
        yield


def send_without_code(run: RunView, name: str, payload: Any) -> None:
    """Send from a process that has not the run's workflow."""
    with mock.patch.dict(registry._workflows, clear=True):
        send_event(run.id, name, payload)


def ended(run_id: UUID) -> Any:
    drive_until_idle()
    run = get_run(run_id)
    assert run.state == RunState.COMPLETED, run.error
    return run.output


def problem(run_id: UUID) -> str:
    drive_until_idle()
    run = get_run(run_id)
    assert run.state == RunState.BLOCKED
    assert run.error is not None
    return f"{run.error['type']}: {run.error['message']}"


def test_a_typed_wait_returns_the_payload_as_its_type() -> None:
    run = driven(asking)

    send_event(run.id, "address", {"city": "Ghent", "number": 7})

    assert ended(run.id) == "Ghent 7"


def test_a_payload_may_be_sent_as_what_it_is() -> None:
    run = driven(asking)

    send_event(run.id, "address", Address("Ghent", 7))

    assert ended(run.id) == "Ghent 7"


def test_a_typed_wait_returns_none_at_its_time_out() -> None:
    run = driven(asking, seconds=60)

    advance(seconds=61)

    assert get_run(run.id).output == "nobody"


def test_a_declared_event_comes_as_declared_also_among_several() -> None:
    run = driven(declared)

    send_event(run.id, "address", GHENT)
    send_event(run.id, "order", {"items": ["tea"]})
    send_event(run.id, "count", 3)

    assert ended(run.id) == "Ghent: ['tea'] 3"


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("address", {"number": "x"}, "city: Field required; number: Input should be a valid int"),
        ("address", None, "payload: Input should be a dictionary or an instance of Address"),
        ("order", {"items": ["tea", 7]}, "items.1: Input should be a valid string"),
        ("count", "many", "Input should be a valid integer"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_where_it_is_sent(
    name: str, payload: Any, why: str
) -> None:
    run = driven(declared)

    with pytest.raises(InvalidInput) as refused:
        send_event(run.id, name, payload, key="once")

    assert str(refused.value).startswith(f"event '{name}' of 'types.declared' version 1: ")
    assert why in str(refused.value)
    assert not Event.objects.exists()
    assert get_run(run.id).state == RunState.WAITING


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_of_a_refused_event_is_committed() -> None:
    run = start(asking_declared)

    with pytest.raises(InvalidInput):
        send_event(run.id, "address", {})

    assert not Event.objects.exists()
    cancel(run.id)


def test_what_was_refused_may_be_sent_again_with_its_key() -> None:
    run = driven(asking_declared)
    with pytest.raises(InvalidInput):
        send_event(run.id, "address", {}, key="once")

    send_event(run.id, "address", GHENT, key="once")

    assert ended(run.id) == "Ghent"


@workflow("types.asking_declared", events={"address": Address})
def asking_declared(run: Context) -> str:
    return run.wait_event("address", type=Address).city


@pytest.mark.parametrize("payload", [GHENT, {}], ids=["fits", "does not"])
def test_sending_is_one_statement_whether_it_fits_or_not(payload: Any) -> None:
    run = driven(asking_declared)

    with counted_statements() as sent:
        try:
            send_event(run.id, "address", payload)
        except InvalidInput:
            assert payload == {}

    assert len(sent) == 1


def test_only_the_version_and_the_workflow_that_declare_it_refuse() -> None:
    old, new, other = driven(loose), driven(strict), driven(asking)

    send_event(old.id, "address", {"anything": 1})
    send_event(other.id, "address", {"city": "Ghent"})
    with pytest.raises(InvalidInput, match=r"'types\.loose' version 2: city: Field required"):
        send_event(new.id, "address", {"anything": 1})

    assert ended(old.id) == {"anything": 1}


def test_what_comes_all_the_same_blocks_the_run_and_is_not_consumed() -> None:
    run = driven(asking_declared)

    send_without_code(run, "address", {"town": "Ghent"})

    assert problem(run.id).startswith(
        "workflows.core.errors.UnfitPayload: event 'address' does not fit its type: city: Field required; the event is kept"
    )
    assert "event_received" not in kinds(run.id)
    assert [event.position for event in Event.objects.all()] == [None]


def test_mended_code_reads_the_event_that_had_blocked_the_run() -> None:
    run = driven(asking_declared)
    send_without_code(run, "address", {"town": "Ghent"})
    problem(run.id)

    def mended(run: Context) -> str:
        address = run.wait_event("address")
        return str(address.get("city") or address["town"])

    with deployed(mended, "types.asking_declared"):
        retry_now(run.id)

        assert ended(run.id) == "Ghent"
    assert kinds(run.id).count(HistoryKind.EVENT_RECEIVED) == 1


def test_an_event_that_fits_does_not_overtake_one_that_does_not() -> None:
    run = driven(asking_declared)
    send_without_code(run, "address", {"town": "Ghent"})
    problem(run.id)

    send_event(run.id, "address", GHENT)
    retry_now(run.id)

    assert "city: Field required" in problem(run.id)


@workflow("types.looping", events={"address": Address})
def looping(run: Context, count: int = 0) -> str:
    if count == 0:
        run.continue_as_new(count=1)
    return run.wait_event("address", type=Address).city


def test_the_run_that_goes_on_refuses_what_does_not_fit_either() -> None:
    run = driven(looping)

    with pytest.raises(InvalidInput, match=r"'types\.looping' version 1: city: Field required"):
        send_event(run.id, "address", {})
    send_event(run.id, "address", GHENT)

    assert ended(get_run(run.id).continued_as or run.id) == "Ghent"


def test_a_run_blocked_by_an_event_can_be_cancelled() -> None:
    run = driven(asking_declared)
    send_without_code(run, "address", {})
    problem(run.id)

    cancel(run.id)

    drive_until_idle()
    assert get_run(run.id).state == RunState.CANCELLED


@step
def note(what: Any) -> None:
    """Something after the wait, for history to know."""


def waiting_twice(run: Context) -> str:
    address = run.wait_event("address")
    run.step(note, address)
    run.wait_event("go")
    return str(address["city"])


def waiting_twice_typed(run: Context) -> str:
    address = run.wait_event("address", type=Address)
    run.step(note, address)
    run.wait_event("go")
    return address.city


def test_a_recorded_payload_that_no_longer_fits_blocks_until_the_code_takes_it() -> None:
    with deployed(waiting_twice, "types.twice"):
        run = start("types.twice")
        send_event(run.id, "address", {"city": 7})
        drive_until_idle()
    with deployed(waiting_twice_typed, "types.twice"):
        [difference] = replay_open_runs()
        assert "city: Input should be a valid string" in str(difference)
        send_event(run.id, "go")
        assert "event 'address' does not fit its type: city" in problem(run.id)
    with deployed(waiting_twice, "types.twice"):
        retry_now(run.id)

        assert ended(run.id) == "7"


@workflow("types.other", events={"address": Address})
def reading_it_otherwise(run: Context) -> Any:
    return run.wait_event("address", type=Order)


@workflow("types.several")
def typing_several(run: Context) -> Any:
    return run.wait_event("a", "b", type=Address)  # type: ignore[call-overload]


@workflow("types.value")
def typing_by_a_value(run: Context) -> Any:
    return run.wait_event("a", type=7)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        (reading_it_otherwise, "but the workflow declares it as"),
        (typing_several, "type= is for a single name"),
        (typing_by_a_value, "7 cannot be the type of an event"),
    ],
)
def test_a_type_that_makes_no_sense_blocks_the_run_with_the_reason(flow: Any, why: str) -> None:
    run = driven(flow)

    message = problem(run.id)
    assert message.startswith("workflows.core.errors.DefinitionError: ")
    assert why in message


@pytest.mark.parametrize("events", [["address"], {"": Address}, {"address": "Address"}, {"a": 7}])
def test_a_declaration_that_makes_no_sense_is_refused(events: Any) -> None:
    with pytest.raises(DefinitionError, match=r"workflow 'types.wrong': .*events"):
        workflow("types.wrong", events=events)


@workflow("types.any", events={"count": int})
def waiting_for_any(run: Context) -> Any:
    woken = run.wait_any(event="count", seconds=60)
    return woken.event.payload if woken.event else woken.by


def test_wait_any_leaves_an_unfit_event_where_it_is() -> None:
    run = start(waiting_for_any)
    drive_until_idle()
    send_without_code(run, "count", "many")

    assert problem(run.id).startswith("workflows.core.errors.UnfitPayload: event 'count'")
    assert Event.objects.get().position is None


def test_killed_anywhere_a_typed_event_is_read_once() -> None:
    def play() -> None:
        run = start(declared)
        drive_until_idle()
        with pytest.raises(InvalidInput):
            send_event(run.id, "address", {"number": "x"})
        send(run, "address", GHENT)
        send(run, "order", {"items": []})
        send(run, "count", None)

    crash_everywhere(play)


def test_killed_anywhere_an_unfit_event_blocks_and_is_kept() -> None:
    def play() -> None:
        run = start(asking_declared)
        drive_until_idle()
        send_without_code(run, "address", {"town": "Ghent"})
        drive_until_idle()

    crash_everywhere(play, observe=lambda: [event.position for event in Event.objects.all()])
