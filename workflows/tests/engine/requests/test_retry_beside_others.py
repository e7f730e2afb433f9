"""What a retry meets: a parent that is being cancelled, another run with its key, a schedule, an update."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db.models.functions import Now

from workflows.api import (
    Context,
    Permanent,
    RetryRefused,
    RunIsOver,
    RunState,
    RunView,
    cancel,
    get_run,
    list_runs,
    retry,
    send_event,
    start,
    step,
    update,
    workflow,
)
from workflows.core.update_lines import UPDATE_EVENT
from workflows.engine.drive.drive import drive
from workflows.engine.requests import update as update_module
from workflows.models import Run, Schedule
from workflows.store import updates as updates_store
from workflows.store.events import put_event
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db
broken: set[str] = set()
hooks: dict[str, Callable[[], object]] = {}
at_once = partial(update, timeout_seconds=60)


@pytest.fixture(autouse=True)
def all_is_broken() -> Iterator[None]:
    broken.add("pay")
    yield
    broken.clear()
    hooks.clear()


@step
def pay(what: str) -> str:
    notes.note(what)
    hooks.get(what, str)()
    if what in broken:
        raise Permanent(f"{what} is broken")
    return f"{what} paid"


@workflow("tests.retried_beside")
def order(run: Context) -> str:
    return run.step(pay, "pay")


@workflow("tests.retried_free", key_free_at_end=True)
def free(run: Context, again: bool = False) -> str:
    run.wait_event("go")
    if again:
        run.continue_as_new(again=False)
    return run.step(pay, "pay")


@workflow("tests.retried_chain")
def chain(run: Context, again: bool = True) -> str:
    if again:
        run.continue_as_new(again=False)
    return run.step(pay, "pay")


@workflow("tests.retried_beside_parent")
def parent(run: Context) -> str:
    begun = run.start_child(order)
    return f"{run.step(pay, 'room')} {begun.result()}"


@workflow("tests.retried_updated")
def updated(run: Context) -> str:
    heard: list[str] = []
    run.on_update("say", lambda word: heard.append(run.step(pay, word)))
    run.step(pay, "pay")
    run.wait_event("go")
    return ", ".join(heard)


def test_the_child_of_a_parent_that_is_being_cancelled_is_refused() -> None:
    run = start(parent)
    drive(claim())  # it waits for its child
    drive(claim())
    [child] = list_runs(parent=run.id)
    assert get_run(child.id).state == RunState.FAILED
    held = claim()
    assert held.id == run.id
    assert cancel(run.id)
    assert get_run(run.id).state == RunState.CANCELLING

    with pytest.raises(RetryRefused, match="being cancelled"):
        retry(child.id)
    drive(held)

    assert get_run(run.id).state == RunState.CANCELLED
    assert get_run(child.id).state == RunState.FAILED


def failed_with_an_update() -> tuple[RunView, int]:
    """Return a run that has failed, and an update that came too late for it."""
    run, events = start(updated), []

    def ask() -> None:
        sent = put_event(run.id, name=f"{UPDATE_EVENT}say", payload='"bread"', key="mine")
        events.append(sent[1])

    hooks["pay"] = ask
    drive_until_idle()
    assert get_run(run.id).state == RunState.FAILED
    hooks.clear()
    broken.clear()
    notes.done.clear()
    return run, events[0]


def test_an_update_whose_caller_was_told_that_the_run_is_over_is_not_carried_out_later() -> None:
    run, event = failed_with_an_update()
    with pytest.raises(RunIsOver, match="is failed and has not answered"):
        update_module._answer(event, "say", None)

    assert retry(run.id)
    send_event(run.id, "go")
    drive_until_idle()

    assert get_run(run.id).output == ""
    assert notes.done == ["pay"]


def test_who_still_waits_for_the_answer_is_told_the_same_and_may_ask_anew() -> None:
    run, event = failed_with_an_update()
    looked = updates_store.find_asked

    def retried_meanwhile(asked: int) -> Any:
        found = looked(asked)
        if found is not None and found.state == RunState.FAILED:
            assert retry(run.id)
            return found._replace(state=RunState.RUNNING)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updates_store, "find_asked", retried_meanwhile)
        with pytest.raises(RunIsOver, match="was retried"):
            update_module._answer(event, "say", None)

    assert at_once(run.id, "say", "bread", key="mine") is None
    send_event(run.id, "go")
    drive_until_idle()
    assert get_run(run.id).output == "bread paid"
    assert notes.done == ["pay", "bread"]


@pytest.mark.parametrize("again", [False, True])
def test_it_has_its_key_again_which_its_end_had_set_free(again: bool) -> None:
    run = start.using(key="mine")(free, again=again)
    drive_until_idle()
    send_event(run.id, "go")
    send_event(run.id, "go")
    drive_until_idle()
    failed = get_run(run.id, newest=True)
    assert (failed.state, failed.key) == (RunState.FAILED, None)

    assert retry(run.id)

    assert get_run(failed.id).key == "mine"
    assert start.using(key="mine")(free, again=False).id == failed.id
    broken.clear()
    drive_until_idle()
    assert get_run(failed.id).state == RunState.COMPLETED
    assert start.using(key="mine")(free).id != failed.id


def test_where_another_run_has_its_key_it_is_refused() -> None:
    run = start.using(key="mine")(free)
    send_event(run.id, "go")
    drive_until_idle()
    other = start.using(key="mine")(free)

    with pytest.raises(RetryRefused, match=f"'mine' .* another run now, {other.id}"):
        retry(run.id)
    assert get_run(run.id).state == RunState.FAILED
    cancel(other.id)

    assert retry(run.id)
    assert [each.id for each in list_runs(workflow=free, key="mine")] == [run.id]


def test_a_schedule_counts_a_chain_as_open_again_that_is_retried() -> None:
    run = driven(chain)
    newest = get_run(run.id, newest=True)
    Run.objects.filter(pk=run.id).update(key="schedule:nightly:2026-01-01T00:00:00Z")
    schedule = Schedule.objects.create(
        name="nightly", workflow="tests.retried_chain", every_seconds=60, done_until=Now()
    )

    retry(newest.id)

    schedule.refresh_from_db()
    assert schedule.open_runs == [newest.id]


def test_a_schedule_that_still_counts_the_chain_counts_it_once() -> None:
    run = driven(chain)
    Run.objects.filter(pk=run.id).update(key="schedule:nightly:2026-01-01T00:00:00Z")
    schedule = Schedule.objects.create(
        name="nightly",
        workflow="tests.retried_chain",
        every_seconds=60,
        done_until=Now(),
        open_runs=[run.id],
    )

    retry(run.id)

    schedule.refresh_from_db()
    assert schedule.open_runs == [run.id]


def test_a_schedule_counts_a_run_whose_key_was_free() -> None:
    run = start.using(key="schedule:nightly:2026-01-01T00:00:00Z")(free)
    send_event(run.id, "go")
    drive_until_idle()
    schedule = Schedule.objects.create(
        name="nightly", workflow="tests.retried_free", every_seconds=60, done_until=Now()
    )

    retry(run.id)

    schedule.refresh_from_db()
    assert schedule.open_runs == [run.id]
