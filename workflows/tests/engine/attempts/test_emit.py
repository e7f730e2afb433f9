"""A step emits: what was written, with which numbers, and what is refused."""

import contextvars
import multiprocessing
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from workflows.api import (
    Context,
    DefinitionError,
    RunState,
    Transient,
    cancel,
    emit,
    get_run,
    read_stream,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.models import Chunk as Row
from workflows.testing import advance, crash_everywhere, drive_until_idle, stream_of
from workflows.tests.builders import claim, driven, elsewhere, expire_lease, swept, until
from workflows.tests.emitting import (
    hooks,
    say,
    saying,
    saying_atomically,
    saying_later,
    two_voices,
)
from workflows.tests.flows import ONCE, notes


@pytest.fixture(autouse=True)
def _nothing_hooked() -> None:
    hooks.clear()


def told(run_id: Any) -> list[tuple[str, int, int, int]]:
    """Return each chunk: its value, position, attempt of the step, and number in that."""
    chunks = read_stream(run_id, timeout_seconds=0)
    return [(each.value, each.position, each.attempt, each.number) for each in chunks]


def fails_once() -> None:
    if not notes.done:
        notes.note("failed")
        raise Transient("once more")


@pytest.mark.django_db
def test_what_a_step_emits_can_be_read_in_its_order() -> None:
    run = driven(saying, words=["so", "it", "goes"])

    chunks = list(read_stream(run.id))

    assert [each.value for each in chunks] == ["so", "it", "goes"]
    assert {(each.step, each.position, each.attempt, each.undo) for each in chunks} == {
        (chunks[0].step, 1, 1, False)
    }
    assert [each.number for each in chunks] == [1, 2, 3]
    assert stream_of(run) == ["so", "it", "goes"]


@pytest.mark.django_db
def test_a_further_attempt_begins_anew_and_the_chunks_of_the_first_stay() -> None:
    hooks["it"] = fails_once

    run = driven(saying, words=["so", "it", "goes"])

    assert told(run.id) == [
        ("so", 1, 1, 1),
        ("it", 1, 1, 2),
        *[("so", 1, 2, 1), ("it", 1, 2, 2), ("goes", 1, 2, 3)],
    ]
    assert stream_of(run) == ["so", "it", "goes"]


@pytest.mark.usefixtures("committed")
def test_an_attempt_that_was_lost_with_its_worker_is_told_by_its_number() -> None:
    run = start(saying, words=["so"])

    def die() -> None:
        until(lambda: Row.objects.exists())
        hooks.clear()
        raise KeyboardInterrupt

    hooks["so"] = die
    with pytest.raises(KeyboardInterrupt):
        drive(claim())
    expire_lease(run.id)
    swept()
    advance(60)

    assert told(run.id) == [("so", 1, 1, 1), ("so", 1, 1, 1)]
    assert stream_of(run) == ["so"]


@pytest.mark.django_db
def test_chunks_of_an_atomic_attempt_stay_where_its_transaction_is_lost() -> None:
    run = driven(saying_atomically, word="so")

    assert told(run.id) == [("so", 1, 1, 1), ("so", 1, 2, 1)]


@pytest.mark.django_db
def test_async_steps_emit() -> None:
    assert stream_of(driven(saying_later, words=["so", "it"])) == ["so", "it"]


@pytest.mark.django_db
def test_branches_of_a_gather_differ_in_their_positions() -> None:
    run = driven(two_voices)

    chunks = list(read_stream(run))
    first = min(each.position for each in chunks)
    assert [each.value for each in chunks if each.position == first] == ["a", "b"]
    assert [each.value for each in chunks if each.position > first] == ["c"]


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("flow", [saying, saying_later])
def test_chunks_are_there_when_the_step_is_recorded(flow: Any) -> None:
    words = [str(number) for number in range(300)]
    run = start(flow, words=words)

    drive(claim())

    assert get_run(run.id).state == RunState.COMPLETED  # behind which nothing is written
    assert stream_of(run) == words


@pytest.mark.usefixtures("committed")
def test_an_atomic_step_is_heard_while_its_transaction_is_open() -> None:
    seen: list[Any] = []
    hooks["so"] = lambda: seen.append(
        (transaction.get_connection().in_atomic_block, until(lambda: Row.objects.count()))
    )
    start(saying_atomically, word="so")

    drive_until_idle()

    assert seen[0] == (True, 1)


@pytest.mark.usefixtures("committed")
def test_who_has_lost_the_run_writes_nothing_and_is_stopped() -> None:
    start(saying, words=["so", "it", "goes"])
    slow = claim()

    def overtaken() -> None:
        until(lambda: Row.objects.count() == 1)
        expire_lease(slow.id)
        swept()
        hooks.clear()
        elsewhere(lambda: drive(claim())).result()

    def refused() -> None:
        until(lambda: stopped(lambda: emit("more")))

    hooks.update({"so": overtaken, "it": refused})
    drive(slow)

    assert set(Row.objects.values_list("attempt", "value")) == {
        (1, "so"),
        *[(2, "so"), (2, "it"), (2, "goes")],
    }
    assert get_run(slow.id).state == RunState.COMPLETED


def stopped(call: Callable[[], None]) -> bool:
    """Let what ends the step through; say that it goes on."""
    call()
    return False


@step(stops_on_cancel=True, retry=ONCE)
def endless() -> None:
    emit("one")
    hooks["one"]()
    until(lambda: stopped(lambda: emit("more")))


@workflow("emit.endless")
def going_on(run: Context) -> None:
    run.step(endless)


@pytest.mark.usefixtures("committed")
def test_a_step_that_stops_on_cancel_is_stopped_as_it_emits() -> None:
    run = start(going_on)
    hooks["one"] = lambda: cancel(run.id)

    drive(claim())
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED


@step(retry=ONCE)
def emit_this(chunk: object, times: int = 1) -> None:
    for _ in range(times):
        emit(chunk)


@workflow("emit.this")
def this(run: Context, which: str, times: int = 1) -> None:
    run.step(emit_this, {"set": {1}, "bytes": b"\xff", "long": "x" * 500}[which], times)


@pytest.mark.django_db
def test_what_cannot_be_stored_fails_the_step_with_words() -> None:
    error = driven(this, which="bytes").error

    assert error is not None
    assert error["type"] == "workflows.core.errors.StepFailed"
    assert "ValueNotStorable" in error["message"]


@pytest.mark.django_db
@override_settings(WORKFLOWS={"max_payload_bytes": 400})
def test_a_chunk_that_is_too_large_is_refused() -> None:
    error = driven(this, which="long").error

    assert error is not None
    assert "the value takes 502 bytes as JSON, more than 400" in error["message"]


@pytest.mark.django_db
@override_settings(WORKFLOWS={"max_stream_bytes": 1200})
def test_a_run_that_emits_too_much_is_refused() -> None:
    error = driven(this, which="long", times=3).error

    assert error is not None
    assert (
        "the run has emitted 1,132 bytes, and may emit max_stream_bytes = 1,200" in error["message"]
    )


@pytest.mark.django_db
@override_settings(WORKFLOWS={"max_stream_bytes": 205})
def test_what_attempts_of_the_run_emitted_before_counts_too() -> None:
    hooks["it"] = fails_once

    run = driven(twice_driven)

    assert stream_of(run) == ["so", "it"]
    assert run.error is not None
    assert "the run has emitted 204 bytes" in run.error["message"]


@workflow("emit.twice_driven")
def twice_driven(run: Context) -> None:
    run.step(say, "so")
    run.step(say, "it")
    run.step(say, "goes")


def test_outside_of_a_step_it_is_refused() -> None:
    with pytest.raises(DefinitionError, match="emit\\(\\) is called from inside a step, while it"):
        emit("so")


@workflow("emit.in_code")
def in_code(run: Context) -> None:
    emit("so")


@pytest.mark.django_db
def test_in_the_code_of_a_workflow_it_is_refused() -> None:
    run = driven(in_code)

    assert run.error is not None
    assert "from inside a step" in run.error["message"]


def emit_in_a_child(answer: Any) -> None:
    try:
        emit("from a child")
    except DefinitionError as exc:
        answer.put(str(exc))


@step(retry=ONCE)
def forking() -> str:
    fork = multiprocessing.get_context("fork")
    answer = fork.SimpleQueue()
    child = fork.Process(target=emit_in_a_child, args=(answer,))
    child.start()
    child.join()
    return str(answer.get())


@workflow("emit.forking")
def forking_flow(run: Context) -> str:
    return run.step(forking)


@pytest.mark.django_db
def test_in_a_process_that_the_step_has_started_it_is_refused() -> None:
    assert "in a process that the step has started" in driven(forking_flow).output


@step(retry=ONCE)
def in_threads() -> None:
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(emit, number))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@workflow("emit.in_threads")
def from_threads(run: Context) -> None:
    run.step(in_threads)


@pytest.mark.usefixtures("committed")
def test_a_step_may_emit_in_several_threads() -> None:
    run = start(from_threads)

    drive(claim())

    assert sorted(stream_of(run)) == list(range(20))
    assert [number for *_, number in told(run.id)] == list(range(1, 21))


@pytest.mark.django_db
@pytest.mark.parametrize("flow", [saying, saying_later])
def test_killed_anywhere_the_stream_ends_the_same(flow: Any) -> None:
    def scenario() -> None:
        run_ids[:] = [start(flow, words=["so", "it", "goes"]).id]
        drive_until_idle()

    run_ids: list[Any] = []
    crash_everywhere(scenario, observe=lambda: stream_of(run_ids[0]))
