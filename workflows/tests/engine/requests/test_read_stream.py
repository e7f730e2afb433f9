"""A stream is read outside: from a place on, to the end of the run, wherever that goes on."""

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from workflows.api import (
    Chunk,
    Context,
    InvalidInput,
    Permanent,
    RunNotFound,
    RunState,
    fork,
    get_run,
    read_stream,
    retry,
    send_event,
    start,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.engine.requests import result as result_module
from workflows.testing import drive_until_idle, stream_of
from workflows.tests.builders import claim, driven, elsewhere, until
from workflows.tests.emitting import hooks, patient, rounds, say, saying


@pytest.fixture(autouse=True)
def _nothing_hooked() -> None:
    hooks.clear()


def values(chunks: Any) -> list[Any]:
    return [each.value for each in chunks]


@pytest.mark.django_db
def test_it_goes_on_behind_a_cursor() -> None:
    run = driven(saying, words=["so", "it", "goes"])
    first, *_ = read_stream(run.id)

    assert values(read_stream(run.id, after=first.cursor)) == ["it", "goes"]
    assert values(read_stream(str(run.id), after=first.cursor)) == ["it", "goes"]


@pytest.mark.django_db
def test_in_a_test_the_run_is_driven_as_somebody_reads() -> None:
    run = start(saying, words=["so"])

    assert values(read_stream(run)) == ["so"]


@pytest.mark.django_db
def test_in_a_test_it_ends_where_nothing_more_comes() -> None:
    run = start(patient)

    assert values(read_stream(run)) == ["before"]
    send_event(run.id, "go")
    assert values(read_stream(run)) == ["before", "behind"]


@pytest.mark.django_db
def test_outside_of_tests_nobody_waits_in_the_transaction_that_starts_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(result_module, "_helper", None)
    run = start(saying, words=["so"])

    with pytest.raises(InvalidInput, match="read its stream behind the transaction"):
        list(read_stream(run))


@pytest.mark.django_db
def test_a_chain_is_followed_from_any_of_its_runs() -> None:
    first = driven(rounds, left=2)
    assert first.continued_as is not None

    chunks = list(read_stream(first.id))

    assert values(chunks) == ["2 left", "1 left", "0 left"]
    assert values(read_stream(first.id, after=chunks[0].cursor)) == ["1 left", "0 left"]
    assert values(read_stream(first.id, after=chunks[1].cursor)) == ["0 left"]
    assert values(read_stream(first.continued_as)) == ["1 left", "0 left"]


@workflow("read_stream.two_steps")
def two_steps(run: Context) -> None:
    run.step(say, "so")
    run.step(say, "it")


@pytest.mark.django_db
def test_a_fork_has_a_stream_of_its_own() -> None:
    run = driven(two_steps)

    forked = fork(run.id, at=2)
    drive_until_idle()

    assert values(read_stream(forked)) == ["it"]
    assert values(read_stream(run)) == ["so", "it"]


@pytest.mark.django_db
def test_a_retried_run_goes_on_in_its_stream() -> None:
    def fail() -> None:
        raise Permanent("out of words")

    hooks["it"] = fail
    run = driven(two_steps)
    heard = list(read_stream(run))
    hooks.clear()

    retry(run.id)

    assert values(heard) == ["so", "it"]
    assert values(read_stream(run, after=heard[-1].cursor)) == ["it"]
    assert stream_of(run) == ["so", "it"]


@pytest.mark.django_db
def test_a_cursor_of_another_run_is_refused() -> None:
    run, other = driven(saying, words=["so"]), driven(saying, words=["secret"])
    [chunk] = read_stream(other)

    with pytest.raises(InvalidInput, match="the cursor of a chunk of another run"):
        read_stream(run, after=chunk.cursor)
    with pytest.raises(InvalidInput, match="give the cursor of a chunk"):
        read_stream(run, after="yesterday")
    with pytest.raises(InvalidInput, match="timeout_seconds"):
        read_stream(run, timeout_seconds="soon")  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_run_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(RunNotFound):
        read_stream(uuid4())


@pytest.mark.django_db
def test_a_run_that_is_pruned_meanwhile_is_told() -> None:
    run = driven(saying, words=["so"])
    stream = read_stream(run)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")
        cursor.execute("DELETE FROM workflows_history")
        cursor.execute("DELETE FROM workflows_run")

    with pytest.raises(RunNotFound, match="pruned meanwhile"):
        list(stream)


@workflow("read_stream.in_code")
def in_code(run: Context, other: str) -> None:
    read_stream(other)


@pytest.mark.django_db
def test_workflow_code_reads_no_stream() -> None:
    run = driven(in_code, other=str(uuid4()))

    assert run.error is not None
    assert "calls read_stream(), which every replay would repeat" in run.error["message"]


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("is_async", [False, True])
def test_who_reads_hears_each_word_while_the_step_runs(is_async: bool) -> None:
    run = start(saying, words=["so", "it", "goes"])
    heard: list[Chunk] = []
    gates = {word: threading.Event() for word in ("so", "it", "goes")}
    hooks.update({word: lambda word=word: gates[word].wait(20) for word in gates})  # type: ignore[misc]

    def take(chunk: Chunk) -> None:
        assert not gates[chunk.value].is_set()
        heard.append(chunk)
        gates[chunk.value].set()

    async def listen() -> None:
        async for chunk in read_stream_of(run):
            take(chunk)
        await sync_to_async(lambda: connection.close())()

    driving = elsewhere(lambda: drive(claim()))
    if is_async:
        asyncio.run(listen())
    else:
        for chunk in read_stream(run):
            take(chunk)

    driving.result()
    assert values(heard) == ["so", "it", "goes"]
    assert get_run(run.id).state == RunState.COMPLETED


def read_stream_of(run: Any) -> Any:
    return elsewhere(lambda: read_stream(run)).result()


@pytest.mark.usefixtures("committed")
def test_it_ends_when_the_time_is_over_though_the_run_goes_on() -> None:
    run = start(patient)
    drive(claim())

    assert values(read_stream(run, timeout_seconds=0.05)) == ["before"]
    assert values(read_stream(run, timeout_seconds=0)) == ["before"]
    assert get_run(run.id).state == RunState.WAITING


@pytest.mark.usefixtures("committed")
def test_a_reader_that_was_there_before_the_run_is_driven_gets_it_all() -> None:
    run = start(saying, words=["so"])
    reading = elsewhere(lambda: values(read_stream(run)))

    drive(claim())

    assert until(reading.done)
    assert reading.result() == ["so"]
