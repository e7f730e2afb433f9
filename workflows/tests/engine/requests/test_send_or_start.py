"""An event for a run that may not be there; one run for each subject; keys that fall free."""

from concurrent.futures import wait
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    KeyConflict,
    RunIsOver,
    RunPruned,
    RunState,
    RunView,
    SubjectTaken,
    cancel,
    compensate,
    get_run,
    retry,
    send_event,
    send_or_start,
    start,
    start_many,
    workflow,
)
from workflows.models import PrunedKey, Run
from workflows.store.runs import find_rival
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere


@workflow("loose.basket")
def basket(run: Context, shop: str = "here") -> list[Any]:
    return [run.wait_event("item"), run.wait_event("item")]


@workflow("loose.loop", key_free_at_end=True)
def loop(run: Context, rounds: int = 1) -> int:
    if run.wait_event("item") != "stop" and rounds:
        run.continue_as_new(rounds=rounds - 1)
    return rounds


@workflow("loose.single", one_per_subject=True)
def single(run: Context, fails: bool = False) -> Any:
    item = run.wait_event("item")
    if fails:
        raise ValueError(item)
    return item


@pytest.mark.django_db
def test_the_first_event_starts_the_run_and_the_next_finds_it() -> None:
    first = send_or_start(basket, "item", "tea", key="ann", input={"shop": "Ghent"}, owner="ann")
    again = send_or_start("loose.basket", "item", "cup", key="ann", input={"shop": "Antwerp"})
    drive_until_idle()

    assert first.id == again.id
    assert (get_run(first.id).output, first.owner, again.input) == (
        ["tea", "cup"], "ann", {"shop": "Ghent"},
    )  # fmt: skip
    with pytest.raises(RunIsOver):
        send_or_start(basket, "item", "pot", key="ann")


@pytest.mark.usefixtures("committed")
def test_many_at_once_start_one_and_lose_no_event() -> None:
    together = Barrier(6)

    def send(each: int) -> Any:
        together.wait(PATIENCE_SECONDS)
        return send_or_start(basket, "item", each, key="ann").id

    sent = [elsewhere(partial(send, each)) for each in range(6)]
    wait(sent, PATIENCE_SECONDS)

    assert len({each.result() for each in sent}) == 1
    assert Run.objects.get().events == 6


@pytest.mark.django_db
def test_an_event_key_counts_once_and_what_cannot_be_starts_nothing() -> None:
    for _ in range(2):
        run = send_or_start(basket, "item", 1, key="ann", event_key="e")
    PrunedKey.objects.create(workflow="loose.basket", key="gone", run_id=uuid4(), state="failed")

    assert get_run(run.id).state == RunState.PENDING
    assert Run.objects.get().events == 1
    with pytest.raises(KeyConflict):
        send_or_start(basket, "item", 2, key="ann", event_key="e")
    with pytest.raises(RunPruned):
        send_or_start(basket, "item", 2, key="gone")
    with pytest.raises(InvalidInput, match="give a key="):
        send_or_start(basket, "item", 2)
    with pytest.raises(InvalidInput):
        send_or_start(basket, "child:x", 2, key="new")
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_a_key_that_is_free_at_the_end_goes_along_and_starts_another_then() -> None:
    first = send_or_start(loop, "item", "go", key="ann")
    drive_until_idle()
    newest = Run.objects.get(continued_as=None)
    there = start(loop, key="ann", rounds=0)
    send_or_start(loop, "item", "stop", key="ann")
    drive_until_idle()
    another = send_or_start(loop, "item", "stop", key="ann")

    assert (get_run(first.id).key, newest.key, there.id) == (None, "ann", newest.pk)
    assert get_run(newest.pk).state == RunState.COMPLETED
    assert another.id not in (first.id, newest.pk)


@pytest.mark.django_db
def test_a_cancelled_run_gives_its_key_back_as_well() -> None:
    first = start(loop, key="ann")
    cancel(first.id)

    assert start(loop, key="ann").id != first.id


@pytest.mark.django_db
def test_one_run_of_a_subject_is_open() -> None:
    first = start(single, subject="order 7")
    other = start(single, subject="order 8")

    with pytest.raises(SubjectTaken, match="'order 7' is open") as taken:
        start(single, subject="order 7", attributes={"a": 1})
    by_subject = send_or_start(single, "item", "tea", subject="order 7")
    drive_until_idle()
    again = start(single, subject="order 7")

    assert taken.value.run_id == str(first.id) == str(by_subject.id)
    assert get_run(first.id).output == "tea"
    assert len({first.id, other.id, again.id}) == 3


@pytest.mark.django_db
def test_a_key_finds_its_run_though_the_subject_is_taken_by_it() -> None:
    first = start(single, key="k", subject="order 7")

    assert start(single, key="k", subject="order 7").id == first.id
    with pytest.raises(SubjectTaken):
        start(single, key="other", subject="order 7")
    with pytest.raises(InvalidInput, match="give subject="):
        start(single)
    with pytest.raises(InvalidInput, match="one run for each subject"):
        start_many(single, [{}], subject="order 9")


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [retry, compensate])
def test_a_failed_run_is_not_taken_up_again_beside_another(verb: Any) -> None:
    failed = start(single, fails=True, subject="order 7")
    send_event(failed.id, "item", "x")
    drive_until_idle()
    other = start(single, subject="order 7")

    with pytest.raises(SubjectTaken, match=str(other.id)):
        verb(failed.id)
    cancel(other.id)
    assert verb(failed.id)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [retry, compensate])
def test_nor_beside_one_that_begins_at_the_same_moment(
    verb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = start(single, fails=True, subject="order 7")
    send_event(failed.id, "item", "x")
    drive_until_idle()
    looked = find_rival
    begun: list[RunView] = []

    def begins_behind_the_look(run_id: UUID) -> Any:
        found = looked(run_id)
        if not begun:
            begun.append(start(single, subject="order 7"))
        return found

    monkeypatch.setattr("workflows.engine.requests.steering.find_rival", begins_behind_the_look)
    with pytest.raises(SubjectTaken) as taken:
        verb(failed.id)
    assert taken.value.run_id == str(begun[0].id)
    assert get_run(failed.id).state == RunState.FAILED


@pytest.mark.django_db
def test_killed_anywhere_a_loop_keeps_its_key_to_its_end() -> None:
    def play() -> None:
        for each in ("go", "stop"):
            send_or_start(loop, "item", each, key="ann")
            drive_until_idle()
        send_or_start(single, "item", 1, subject="order 7")

    assert crash_everywhere(play).boundaries > 8
