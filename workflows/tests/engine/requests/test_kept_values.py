"""Values that storage would change: kept, or refused at once with their place and what helps."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    RunNotFound,
    StepFailed,
    get_run,
    list_runs,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core import kept
from workflows.models import Event
from workflows.testing import advance, drive_until_idle, send
from workflows.tests.builders import driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@dataclass
class Parcel:
    weight: int


@dataclass
class Fragile(Parcel):
    padding: str = "straw"


@step
def take_apart(what: str) -> dict[str, Any]:
    notes.note(what)
    if what == "lost":
        return {"a": {1: "x", "1": "y"}}
    return {"price": Decimal("9.50")}


@step
def pack(what: str) -> Parcel:
    return Fragile(3) if what == "fragile" else Parcel(3)


@step
def receipt(what: str) -> bytes | None:
    return bytes.fromhex(what)


@workflow("tests.kept_results")
def kept_results(run: Context, step_name: str, what: str) -> str:
    try:
        first = run.step(BY_NAME[step_name], what)
    except StepFailed as failed:
        return f"{failed.attempts} attempt: {failed.message}"
    run.sleep(1)
    return repr(first)


BY_NAME = {each.__name__: each for each in (take_apart, pack, receipt)}


@workflow("tests.kept_input")
def kept_input(run: Context, facts: dict[str, Any], when: date | datetime | None = None) -> str:
    return repr((facts, when))


@workflow("tests.kept_child")
def kept_child(run: Context) -> str:
    try:
        run.start_child(kept_input, facts={"price": Decimal("9.50")})
    except InvalidInput as refused:
        run.sleep(1)
        return str(refused)
    run.wait_event("go")
    return "started"


def ended(step_name: str, what: str) -> Any:
    run = driven(kept_results, step_name=step_name, what=what)
    advance(seconds=2)
    return get_run(run.id).output


def test_a_result_that_would_lose_a_part_fails_the_step_at_once_and_names_it() -> None:
    told = ended("take_apart", "lost")

    assert told.startswith("1 attempt: ['a']: two of its keys are one as JSON")
    assert notes.count("lost") == 1


def test_a_result_of_a_subclass_fails_the_step_and_names_what_would_be_lost() -> None:
    assert "Fragile) comes back as Parcel (without padding)" in ended("pack", "fragile")
    assert ended("pack", "plain") == "Parcel(weight=3)"


def test_a_result_that_is_only_changed_is_kept_since_its_step_has_taken_effect() -> None:
    assert ended("take_apart", "changed") == "{'price': '9.50'}"


def test_bytes_that_are_no_text_are_kept_where_the_annotation_says_bytes() -> None:
    assert ended("receipt", "fffe00") == repr(b"\xff\xfe\x00")
    assert ended("receipt", "6162") == repr(b"ab")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"facts": {"price": Decimal("9.50")}}, r"facts\['price'\]: .*Decimal\) comes back as str"),
        ({"facts": {"at": [datetime(2026, 1, 1, tzinfo=UTC)]}}, r"facts\['at'\]\[0\]: .*datetime"),
        ({"facts": {"a": {1: "x", "1": "y"}}}, r"facts\['a'\]: two of its keys"),
        ({"facts": {}, "when": datetime(2026, 1, 1, tzinfo=UTC)}, "when: .* comes back as date"),
    ],
)
def test_an_input_that_would_change_is_refused_with_its_place(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        start(kept_input, **given)

    assert list_runs() == []


@pytest.mark.parametrize("payload", [{"price": Decimal("9.50")}, {"a": {1: "x", "1": "y"}}, {2: 3}])
def test_a_payload_that_would_change_is_refused(payload: Any) -> None:
    run = start(kept_child)

    with pytest.raises(InvalidInput, match=r"payload of event 'go': .*(annotation|texts)"):
        send_event(run.id, "go", payload)

    assert not Event.objects.exists()


@dataclass
class Appointment:
    at: datetime
    price: Decimal


@workflow("tests.kept_events", events={"go": Appointment, "raw": dict[str, Any]})
def kept_events(run: Context, again: bool = False) -> bool:
    if again:
        run.continue_as_new(again=False)
    return bool(run.wait_event("go") == Appointment(NOON, Decimal("9.50")))


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MEETING = {"at": NOON, "price": Decimal("9.50")}


@pytest.mark.parametrize("again", [False, True])
def test_a_payload_that_the_declared_type_reads_back_is_kept(again: bool) -> None:
    run = driven(kept_events, again=again)

    send_event(run.id, "go", MEETING)
    drive_until_idle()

    assert list_runs()[0].output is True


@pytest.mark.parametrize(
    ("name", "payload", "told"),
    [
        ("raw", MEETING, "comes back as str; say the type in the annotation"),
        (
            "undeclared",
            MEETING,
            r"of an event, @workflow\(events={'undeclared': …}\) is the annotation",
        ),
        ("go", MEETING | {"price": "dear"}, "comes back as str"),
    ],
)
def test_a_payload_that_is_not_read_back_is_refused_with_where_its_type_is_said(
    name: str, payload: Any, told: str
) -> None:
    run = driven(kept_events)

    with pytest.raises(InvalidInput, match=told):
        send_event(run.id, name, payload)


def test_a_payload_that_would_change_says_first_that_there_is_no_such_run() -> None:
    with pytest.raises(RunNotFound):
        send_event(uuid4(), "go", MEETING)


def test_a_payload_may_be_a_dataclass_for_whoever_waits_with_its_type() -> None:
    run = start(kept_child)

    send_event(run.id, "go", Parcel(3))

    assert Event.objects.get().payload == {"weight": 3}


def test_the_input_of_a_child_that_would_change_is_refused_at_every_replay_alike() -> None:
    run = driven(kept_child)
    advance(seconds=2)

    assert "facts['price']" in get_run(run.id).output
    assert len(list_runs()) == 1


def test_a_child_that_an_older_release_has_started_is_replayed() -> None:
    with mock.patch.object(kept, "_changes", lambda *_: iter(())):
        run = driven(kept_child)

    send(run.id, "go")

    assert get_run(run.id).output == "started"
