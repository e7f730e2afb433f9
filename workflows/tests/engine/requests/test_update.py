"""Updates: a run's own code answers, in order, once, whatever the run is doing."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from pydantic import BaseModel

from workflows.api import (
    Context,
    HistoryKind,
    InvalidInput,
    KeyConflict,
    RunIsOver,
    RunNotFound,
    RunState,
    UpdateFailed,
    UpdateRefused,
    UpdateTimedOut,
    cancel,
    get_history,
    get_run,
    pause,
    replay_open_runs,
    resume,
    retry,
    send_event,
    start,
    step,
    update,
    update_or_start,
    workflow,
)
from workflows.engine.requests import result as module
from workflows.models import Event, Run
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import PATIENCE_SECONDS, driven, elsewhere, kinds

at_once = partial(update, timeout_seconds=60)
"""The kit drives in the place of the wait."""


class Item(BaseModel):
    name: str
    pieces: int = 1


@step
def price(name: str) -> int:
    if name == "gold":
        raise ValueError("no price")
    return len(name)


@workflow("updates.basket", key_free_at_end=True)
def basket(run: Context) -> list[str]:
    items: list[str] = []

    def refuse_stones(item: Item) -> None:
        if item.name == "stone":
            raise ValueError("no stones")

    def add(item: Item) -> int:
        items.extend([item.name] * item.pieces)
        cents = run.step(price, item.name)
        run.data["items"] = items
        return cents

    run.on_update("add", add, validate=refuse_stones)
    run.wait_event("pay")
    items.append("paid")
    run.sleep(60)
    return items


@workflow("updates.late")
def late(run: Context) -> str:
    heard: list[str] = []
    run.wait_event("open")
    run.on_update("say", heard.append)
    run.step(price, "one")
    run.step(price, "two")
    run.wait_event("close")
    return " ".join(heard)


@workflow("updates.nested")
def nested(run: Context) -> list[str]:
    told: list[str] = []

    def ask(name: str) -> str:
        told.append(f"{name}?")
        answer = run.wait_event("answer", timeout_seconds=100)
        told.append(f"{name}: {answer}")
        return f"{answer}"

    run.on_update("ask", ask)
    run.wait_event("end")
    return told


@workflow("updates.loop")
def loop(run: Context, rounds: int = 0) -> int:
    if rounds:
        run.on_update("count", lambda _: rounds)
    if run.wait_event("on") == "again":
        run.continue_as_new(rounds=rounds + 1)
    return rounds


@workflow("updates.mistaken")
def mistaken(run: Context, how: str) -> None:
    def break_off(_: Any) -> None:
        if how == "key":
            raise KeyError("a mistake")
        if how == "continue":
            run.continue_as_new(how=how)
        if how == "other":
            send_event(run.run_id, "x")

    validate: Callable[[Any], object] | None = (
        (lambda _: run.step(price, "x")) if how == "validate" else None
    )
    run.on_update("do", break_off, validate=validate)
    run.wait_event("end")


@pytest.mark.django_db
def test_a_handler_answers_a_parked_run_and_goes_on_waiting() -> None:
    run = driven(basket)

    assert at_once(run, "add", {"name": "tea", "pieces": 2}) == 3
    assert at_once(run, "add", {"name": "milk"}) == 4
    assert get_run(run.id).state == RunState.WAITING
    assert get_run(run.id).data == {"items": ["tea", "tea", "milk"]}
    send(run, "pay")
    assert at_once(run, "add", {"name": "bread"}) == 5
    advance(60)

    assert get_run(run.id).output == ["tea", "tea", "milk", "paid", "bread"]
    assert not list(replay_open_runs())


@pytest.mark.django_db
def test_its_lines_stand_inside_the_wait() -> None:
    run = driven(basket)
    at_once(run, "add", {"name": "tea"})

    told = [(each.kind, each.position) for each in get_history(run.id)]
    assert told == [
        (HistoryKind.WAIT_STARTED, 1),
        (HistoryKind.UPDATE_RECEIVED, 2),
        (HistoryKind.STEP_COMPLETED, 3),
        (HistoryKind.UPDATE_ANSWERED, 2),
    ]
    assert get_run(run.id).waiting_for == ("pay", "on_update:add")


@pytest.mark.django_db
def test_an_update_of_a_name_that_the_code_does_not_know_is_told_which_it_does() -> None:
    run = driven(basket)

    with pytest.raises(
        UpdateTimedOut, match=r"'ad' .*still counts; it answers 'add' where it is now"
    ):
        at_once(run, "ad", {"name": "tea"})


@pytest.mark.django_db
def test_what_a_handler_raises_goes_to_the_caller_and_the_run_goes_on() -> None:
    run = driven(basket)
    with pytest.raises(UpdateTimedOut, match="waiting and has not answered 'add'"):
        at_once(run, "add", {"name": "gold"}, key="gold")
    advance(3600)

    with pytest.raises(UpdateFailed, match="no price") as raised:
        at_once(run, "add", {"name": "gold"}, key="gold")
    assert raised.value.error_type.endswith("StepFailed")
    assert at_once(run, "add", {"name": "tea"}) == 3


@pytest.mark.django_db
def test_a_validator_and_the_type_refuse_before_anything_is_recorded() -> None:
    run = driven(basket)
    before = kinds(run.id)

    with pytest.raises(UpdateRefused, match="refuses the update 'add': no stones"):
        at_once(run, "add", {"name": "stone"}, key="a")
    with pytest.raises(UpdateRefused, match="name: Field required"):
        at_once(run, "add", {})
    with pytest.raises(UpdateRefused, match="no stones"):
        at_once(run, "add", {"name": "stone"}, key="a")

    assert kinds(run.id) == before
    assert [each.position for each in Event.objects.all()] == [0, 0]


@pytest.mark.django_db
def test_a_key_makes_it_idempotent() -> None:
    run = driven(basket)

    assert at_once(run, "add", {"name": "tea"}, key="k") == 3
    assert at_once(run, "add", {"name": "tea"}, key="k") == 3
    with pytest.raises(KeyConflict, match="'add'"):
        at_once(run, "add", {"name": "milk"}, key="k")

    assert get_run(run.id).data == {"items": ["tea"]}


@pytest.mark.django_db
def test_updates_come_in_their_order_also_where_their_handler_is_late() -> None:
    run = driven(late)
    for word in ("good", "old"):
        with pytest.raises(UpdateTimedOut):
            at_once(run, "say", word)
    send(run, "open")
    assert at_once(run, "say", "times") is None
    send(run, "close")

    assert get_run(run.id).output == "good old times"


@pytest.mark.django_db
def test_a_handler_may_wait_itself_and_the_next_waits_for_it() -> None:
    run = driven(nested)
    for name in ("a", "b"):
        with pytest.raises(UpdateTimedOut):
            at_once(run, "ask", name, key=name)
    send(run, "end")
    send(run, "answer", 1)
    assert at_once(run, "ask", "a", key="a") == "1"
    send(run, "answer", 2)

    assert at_once(run, "ask", "b", key="b") == "2"
    assert get_run(run.id).output == ["a?", "a: 1", "b?", "b: 2"]


@pytest.mark.django_db
def test_an_event_that_came_before_an_update_goes_first() -> None:
    run = driven(basket)
    send_event(run.id, "pay")

    assert at_once(run, "add", {"name": "tea"}) == 3
    assert get_history(run.id)[1].kind == HistoryKind.EVENT_RECEIVED


@pytest.mark.django_db
def test_a_run_that_ends_without_an_answer_says_so() -> None:
    run, other = driven(late), driven(late)
    with pytest.raises(UpdateTimedOut):
        at_once(run, "never", key="k")
    send(run, "open")
    send(run, "close")

    with pytest.raises(RunIsOver, match="completed and has not answered the update 'never'"):
        at_once(run, "never", key="k")
    with pytest.raises(RunIsOver, match="takes no update 'never'"):
        at_once(run, "never")
    cancel(other.id)
    with pytest.raises(RunIsOver):
        at_once(other, "say", "x")
    with pytest.raises(RunNotFound):
        at_once("00000000-0000-0000-0000-000000000000", "say", "x")


@pytest.mark.django_db
def test_a_paused_run_answers_once_it_is_resumed() -> None:
    run = driven(basket)
    pause(run.id)
    with pytest.raises(UpdateTimedOut, match="is paused"):
        at_once(run, "add", {"name": "tea"}, key="k")
    resume(run.id)

    assert at_once(run, "add", {"name": "tea"}, key="k") == 3


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["key", "continue", "validate", "other"])
def test_a_mistake_in_a_handler_blocks_the_run_until_it_is_mended(how: str) -> None:
    run = driven(mistaken, how=how)

    with pytest.raises(UpdateTimedOut, match="is blocked"):
        at_once(run, "do")
    assert get_run(run.id).output is None


@pytest.mark.django_db
def test_an_update_goes_along_with_continue_as_new() -> None:
    run = driven(loop)
    with pytest.raises(UpdateTimedOut):
        at_once(run, "count", key="k")
    send(run, "on", "again")

    assert at_once(run, "count") == 1
    [first, _] = Event.objects.filter(name="on_update:count").order_by("id")
    assert first.answer == {"output": 1}


@workflow("updates.failing")
def failing(run: Context) -> None:
    run.on_update("price", lambda name: run.step(price, name))
    run.wait_event("end")
    raise ValueError("too bad")


@pytest.mark.django_db
def test_a_retried_run_does_not_do_again_what_an_answer_has_told() -> None:
    run = driven(failing)
    with pytest.raises(UpdateTimedOut):
        at_once(run, "price", "gold")
    send_event(run.id, "end")
    advance(60)
    before = kinds(run.id)
    assert get_run(run.id).state == RunState.FAILED

    retry(run.id)
    drive_until_idle()

    assert kinds(run.id)[len(before) :] == [HistoryKind.RETRIED, HistoryKind.RUN_FAILED]


@pytest.mark.django_db
def test_update_or_start_starts_once_with_the_update() -> None:
    first = update_or_start(basket, "add", {"name": "tea"}, key="ann", owner="ann")
    second = update_or_start("updates.basket", "add", {"name": "milk"}, key="ann")

    assert (first, second) == (3, 4)
    [row] = Run.objects.all()
    assert (row.owner, row.data) == ("ann", {"items": ["tea", "milk"]})
    with pytest.raises(InvalidInput, match="give a key="):
        update_or_start(basket, "add", {"name": "tea"})


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_is_refused() -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    outside_of_tests = mock.patch.object(module, "_helper", None)
    refused = pytest.raises(InvalidInput, match="outside of one")
    with outside_of_tests, transaction.atomic(), refused:
        update(nobody, "add")


@pytest.mark.usefixtures("committed")
def test_who_waits_is_told_at_once(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 60}
    run = driven(basket)
    asked = elsewhere(lambda: update(run, "add", {"name": "tea"}, timeout_seconds=PATIENCE_SECONDS))
    until_driven(run)

    assert asked.result(PATIENCE_SECONDS) == 3


@pytest.mark.usefixtures("committed")
def test_behind_a_pooler_it_looks_now_and_then(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 0.05}
    run = driven(basket)
    with mock.patch("psycopg.ConnectionInfo.backend_pid", mock.PropertyMock(return_value=1)):
        asked = elsewhere(
            lambda: update(run, "add", {"name": "tea"}, timeout_seconds=PATIENCE_SECONDS)
        )
        until_driven(run)
        assert asked.result(PATIENCE_SECONDS) == 3


@pytest.mark.usefixtures("committed")
def test_who_waits_for_a_run_that_ends_is_told(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 60}
    run = driven(late)
    asked = elsewhere(lambda: update(run, "none", timeout_seconds=PATIENCE_SECONDS))
    while not Event.objects.exists():
        time.sleep(0.01)
    cancel(run.id)

    with pytest.raises(RunIsOver, match="cancelled"):
        asked.result(PATIENCE_SECONDS)


def until_driven(run: Any) -> None:
    """Drive until the update that somebody else sends has been heard."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not drive_until_idle():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.django_db
def test_killed_anywhere_updates_are_answered_once_and_the_same() -> None:
    def play() -> None:
        run = start(basket)
        drive_until_idle()
        for word in ("tea", "stone", "milk"):
            send_update(run, word)
        drive_until_idle()
        send(run, "pay")
        send_update(run, "bread")
        drive_until_idle()
        advance(60)

    crash_everywhere(
        play, observe=lambda: [(e.position, e.answer) for e in Event.objects.order_by("id")]
    )


def send_update(run: Any, word: str) -> None:
    try:
        update(run, "add", {"name": word}, key=word, timeout_seconds=0)
    except (UpdateRefused, UpdateTimedOut):
        return
