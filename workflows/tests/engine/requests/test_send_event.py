"""Sending an event: in the caller's transaction, refused in words."""

import uuid
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from workflows.api import (
    Context,
    InvalidInput,
    KeyConflict,
    RunIsOver,
    RunNotFound,
    cancel,
    get_run,
    send_event,
    start,
    workflow,
)
from workflows.definitions import workflow as registry
from workflows.models import Event
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import wait_for_go


@workflow("tests.hears_again_and_again")
def hears_again_and_again(run: Context, number: int = 0) -> None:
    run.wait_event("go")
    run.continue_as_new(number=number + 1)


@pytest.mark.usefixtures("committed")
def test_an_event_is_rolled_back_with_its_transaction() -> None:
    run = driven(wait_for_go)

    with transaction.atomic():
        send_event(run.id, "go")
        transaction.set_rollback(True)

    assert not Event.objects.exists()
    assert drive_until_idle() == 0


@pytest.mark.django_db
def test_a_run_that_is_over_refuses_events_in_words() -> None:
    run = driven(wait_for_go)
    cancel(run.id)

    with pytest.raises(RunIsOver, match=f"run {run.id} has ended and takes no event 'go'"):
        send_event(run.id, "go")


@pytest.mark.django_db
def test_a_run_that_does_not_exist_refuses_events() -> None:
    with pytest.raises(RunNotFound):
        send_event(uuid.uuid4(), "go")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a\x00"},
        {"name": "\ud800"},
        {"name": None},
        {"name": "x" * 501},
        {"name": "go", "key": ""},
        {"name": "go", "key": 3},
        {"name": "go", "key": "x" * 3_000},
        {"name": "go", "payload": object()},
        {"name": "go", "payload": "a\x00"},
        {"name": "go", "payload": float("nan")},
        {"name": "go", "payload": "x" * 300_000},
    ],
    ids=lambda wrong: f"{wrong!r:.40}",
)
def test_an_event_that_cannot_be_kept_is_refused(wrong: dict[str, Any]) -> None:
    run = start(wait_for_go)

    with pytest.raises(InvalidInput):
        send_event(run.id, **wrong)

    assert not Event.objects.exists()


@pytest.mark.django_db
def test_the_longest_names_and_keys_are_kept() -> None:
    run = start(wait_for_go)
    longest = "".join(chr(0x4E00 + number * 7) for number in range(500))

    send_event(run.id, longest, key=longest)

    assert Event.objects.get().key == longest


@workflow("tests.counting", events={"count": int})
def counting(run: Context) -> int:
    return int(run.wait_event("count"))


@pytest.mark.django_db
@pytest.mark.parametrize("is_over", [False, True])
def test_what_was_accepted_is_accepted_again_though_the_code_has_come_to_refuse_it(
    is_over: bool,
) -> None:
    run = start(counting)
    with mock.patch.dict(registry._workflows, clear=True):  # the code before it said events=
        send_event(run.id, "count", "three", key="delivery 1")
    if is_over:
        cancel(run.id)

    send_event(run.id, "count", "three", key="delivery 1")

    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_a_run_that_is_over_says_so_also_of_what_it_could_not_take() -> None:
    run = start(counting)
    cancel(run.id)

    with pytest.raises(RunIsOver):
        send_event(run.id, "count", "three")


@pytest.mark.django_db
def test_another_event_under_a_known_key_is_refused_in_words() -> None:
    run = start(wait_for_go)
    send_event(run.id, "go", {"amount": 7}, key="form-1")

    send_event(run.id, "go", {"amount": 7.0}, key="form-1")
    with pytest.raises(KeyConflict, match="'form-1' was used for another event"):
        send_event(run.id, "go", {"amount": 8}, key="form-1")
    with pytest.raises(KeyConflict):
        send_event(run.id, "stop", {"amount": 7}, key="form-1")

    assert Event.objects.get().payload == {"amount": 7}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["go", "later"])
def test_a_known_key_is_compared_along_a_chain(name: str) -> None:
    """Of an event that the first run has consumed, and of one that has gone along."""
    first = start(hears_again_and_again)
    send_event(first.id, name, 1, key="form-1")
    send_event(first.id, "go", "on")
    drive_until_idle()

    send_event(first.id, name, 1, key="form-1")
    with pytest.raises(KeyConflict):
        send_event(first.id, name, 2, key="form-1")

    assert get_run(first.id).continued_as is not None
    assert Event.objects.filter(key="form-1").count() == 1


@pytest.mark.django_db
def test_what_is_no_tenant_is_refused() -> None:
    with pytest.raises(InvalidInput, match="tenant is 5; give a text"):
        send_event(driven(wait_for_go).id, "go", tenant=5)  # type: ignore[arg-type]
