"""Async steps: awaited on the worker's event loop, with the ORM, limits and heartbeats of any other."""

import asyncio
import contextvars
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group

from workflows.api import (
    Context,
    DefinitionError,
    Permanent,
    RunState,
    StepFailed,
    cancel,
    current_step,
    get_run,
    heartbeat,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.engine.drive.drive import drive
from workflows.store.database import intercepted
from workflows.testing import advance, crash_everywhere, drive_until_idle, fake
from workflows.tests.builders import claim, driven, give_to_another, kinds
from workflows.tests.engine.attempts.awaiting import hanging, hooks, work, working
from workflows.tests.flows import NOW, ONCE, notes

committed = pytest.mark.usefixtures("committed")
seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


async def undo_group(output: str, name: str) -> None:
    await Group.objects.filter(name=name).adelete()


@step(retry=NOW, compensate=undo_group)
async def make_group(name: str) -> str:
    group, _ = await Group.objects.aget_or_create(name=name)
    await asyncio.sleep(0)
    return group.name


@step(retry=ONCE)
async def refuse() -> None:
    raise Permanent("no")


@workflow("tests.async_saga", on_failure="compensate")
def saga(run: Context) -> None:
    run.step(make_group, "a")
    run.gather(*[run.call(make_group, name) for name in "bc"])
    run.step(refuse)


@step(retry=NOW, heartbeat_seconds=0.2)
async def beat(times: int) -> Any:
    info = current_step()
    assert info is not None
    if info.attempt == 2:
        return info.heartbeat
    for number in range(times):
        heartbeat(number)
        await asyncio.sleep(0.05)
    return await asyncio.Event().wait()


@workflow("tests.async_beat")
def beating(run: Context, times: int = 6) -> Any:
    return run.step(beat, times)


@pytest.mark.django_db
def test_the_awaited_result_is_recorded_and_replayed() -> None:
    run = driven(working, name="a")

    assert run.output == ["A", "AGAIN"]
    assert notes.done == ["a", "again"]


@pytest.mark.django_db
def test_a_failed_attempt_is_followed_by_another() -> None:
    async def fail_once() -> None:
        if notes.count("a") == 1:
            raise ConnectionError("not yet")

    hooks["a"] = fail_once
    run = driven(working, name="a")

    assert run.state == RunState.WAITING
    advance(seconds=11)
    assert get_run(run.id).output == ["A", "AGAIN"]


@pytest.mark.django_db
@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), StopAsyncIteration()])
def test_whatever_it_raises_is_a_failed_attempt_and_the_loop_goes_on(error: BaseException) -> None:
    async def fail() -> None:
        if notes.count("a") == 1:
            raise error

    hooks["a"] = fail
    run = driven(working, name="a")
    advance(seconds=11)

    assert get_run(run.id).output == ["A", "AGAIN"]


@pytest.mark.django_db
def test_what_the_caller_has_set_reaches_it_and_nothing_comes_back() -> None:
    async def look() -> None:
        notes.note(seen.get())
        seen.set("changed")

    hooks["a"] = look
    token = seen.set("a trace")
    driven(working, name="a")
    left = seen.get()
    seen.reset(token)

    assert notes.done == ["a", "a trace", "again"]
    assert left == "a trace"


@pytest.mark.django_db
def test_it_knows_which_step_it_is_also_in_what_it_begins() -> None:
    async def name() -> str:
        info = current_step()
        assert info is not None
        return info.name

    async def look() -> None:
        async with asyncio.TaskGroup() as tasks:
            inner = tasks.create_task(name())
        notes.note(inner.result())

    hooks["a"] = look
    driven(working, name="a")

    assert notes.done[1] == "work"


@pytest.mark.django_db
def test_a_time_limit_cancels_it_where_it_waits() -> None:
    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            notes.note("cleaned up")

    hooks["hang"] = wait

    assert "longer than its limit of 0.1 s" in driven(hanging).output
    assert notes.done == ["cleaned up"]


@pytest.mark.django_db
def test_one_that_swallows_its_cancellation_has_failed_all_the_same() -> None:
    async def swallow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            notes.note("swallowed")

    hooks["hang"] = swallow

    assert "longer than its limit" in driven(hanging).output


@pytest.mark.django_db
def test_silence_ends_the_attempt_and_the_next_knows_the_details() -> None:
    assert driven(beating).output == 5


@pytest.mark.django_db
def test_a_heartbeat_stops_it_once_its_run_belongs_to_another() -> None:
    run = start(beating, times=1000)
    claimed = claim()
    give_to_another(claimed)

    drive(claimed)

    assert HistoryKind.ATTEMPT_FAILED not in kinds(run.id)
    assert get_run(run.id).state == RunState.RUNNING


@committed
def test_a_cancel_of_the_run_waits_for_it() -> None:
    run = start(working, name="a")

    async def be_cancelled() -> None:
        await sync_to_async(cancel)(run.id)

    hooks["a"] = be_cancelled
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert HistoryKind.STEP_COMPLETED in kinds(run.id)


@pytest.mark.django_db
def test_what_was_done_is_undone_by_async_compensations() -> None:
    assert driven(saga).state == RunState.COMPENSATED
    assert not Group.objects.exists()


@pytest.mark.django_db
def test_killed_anywhere_async_steps_end_the_same() -> None:
    assert crash_everywhere(lambda: driven(saga), pairs=5).boundaries > 20


@pytest.mark.django_db
def test_killed_anywhere_a_step_that_beats_ends_the_same() -> None:
    @step(retry=NOW)
    async def count() -> str:
        heartbeat(1)
        return "counted"

    @workflow("tests.async_count")
    def counting(run: Context) -> str:
        return run.step(count)

    assert crash_everywhere(lambda: driven(counting)).boundaries > 3


@pytest.mark.django_db
def test_a_fake_answers_plainly_or_awaits() -> None:
    async def answer(name: str) -> str:
        await asyncio.sleep(0)
        return f"async {name}"

    with fake(work, returns="plain"):
        plain = driven(working, name="a").output
    with fake(work, does=answer):
        awaited = driven(working, name="a").output

    assert plain == ["plain", "plain"]
    assert awaited == ["async a", "async again"]
    assert notes.done == []


@pytest.mark.django_db
def test_a_coroutine_that_nobody_awaits_is_no_result() -> None:
    async def inner() -> int:
        return 1

    @step
    async def forget() -> Any:
        return inner()

    @step
    def forget_plainly() -> int:
        return inner()  # type: ignore[return-value]

    @workflow("tests.async_forgotten")
    def forgetting(run: Context) -> list[str]:
        told = []
        for each in (forget, forget_plainly):
            try:
                run.step(each)
            except StepFailed as failed:
                told.append(failed.message)
        return told

    first, second = driven(forgetting).output
    assert "inner() was never awaited" in first
    assert "inner() was never awaited" in second


@pytest.mark.django_db
def test_workflow_code_may_not_call_it_past_its_run() -> None:
    @workflow("tests.async_past_the_run")
    def wrong(run: Context) -> Any:
        return work("a")

    run = driven(wrong)

    assert run.state == RunState.BLOCKED
    assert "write run.step(work, …)" in str(run.error)


def test_called_directly_it_is_just_the_coroutine() -> None:
    found: Any = work("a")

    assert asyncio.iscoroutinefunction(work)
    assert asyncio.iscoroutine(found)
    found.close()


def test_it_cannot_be_atomic() -> None:
    async def both() -> None: ...

    with pytest.raises(DefinitionError, match="`async def` and atomic"):
        step(atomic=True)(both)


@committed
def test_heartbeats_that_come_faster_than_they_are_sent_travel_together() -> None:
    sent: list[str] = []

    def count(send: Any, statement: Any, params: Any, on: Any) -> Any:
        if isinstance(params, dict) and "reached" in params:
            sent.append(params["details"])
        return send(statement, params, on)

    async def beat_often() -> None:
        for number in range(5000):
            heartbeat(number)

    hooks["a"] = beat_often
    with intercepted(count):
        driven(working, name="a")

    assert 0 < len(sent) < 5000
    assert sent[-1] == "4999"
