"""The writer: many chunks at a time, in their order, whatever the database does."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.test import override_settings

from workflows import signals
from workflows.api import get_run, start
from workflows.core.chunk import NewChunk
from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.engine.attempts import chunk_writer as module
from workflows.engine.attempts.chunk_writer import ChunkWriter
from workflows.engine.session.run_stream import RunStream
from workflows.models import Chunk
from workflows.store import database
from workflows.store import stream as store
from workflows.store.beat_connection import beat_connection
from workflows.testing import drive_until_idle, stream_of
from workflows.tests.builders import claim, give_to_another, until
from workflows.tests.emitting import hooks, saying

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def lost() -> Iterator[list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []

    def listen(**fields: Any) -> None:
        told.append(fields)

    signals.chunks_lost.connect(listen)
    yield told
    signals.chunks_lost.disconnect(listen)


@pytest.fixture
def run() -> ClaimedRun:
    start(saying, words=[])
    return claim()


def add(writer: ChunkWriter, stream: RunStream, text: str = '"so"') -> None:
    with writer.lock:
        number = stream.sequence + 1
        stream.add(NewChunk(number, "say", 1, 1, number, False, text), len(text))
    writer.wake(stream)


def test_what_comes_together_is_one_statement(run: ClaimedRun) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    sent = []

    def counting(send: Any, statement: Any, params: Any, on: Any) -> Any:
        if "workflows_chunk" in statement.text:
            sent.append(threading.current_thread().name)
        return send(statement, params, on)

    with database.intercepted(counting):
        for _ in range(50):
            add(writer, stream)
        writer.finish(stream)

    assert sent == ["chunks"]
    assert Chunk.objects.count() == 50
    assert stream.held == RunState.RUNNING


def test_chunks_are_written_without_anybody_waiting_for_them(run: ClaimedRun) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)

    add(writer, stream)

    until(lambda: Chunk.objects.count() == 1)


def test_more_than_fit_in_one_statement_are_written_in_several(
    run: ClaimedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 7)
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)

    for _ in range(20):
        add(writer, stream)
    writer.finish(stream)

    assert list(Chunk.objects.order_by("sequence").values_list("number", flat=True)) == list(
        range(1, 21)
    )


def test_who_has_lost_the_run_is_told_and_writes_nothing(run: ClaimedRun) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    give_to_another(run)

    add(writer, stream)
    writer.finish(stream)

    assert stream.held is None
    assert not Chunk.objects.exists()


def test_a_lost_connection_is_made_good(run: ClaimedRun) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    cut = [psycopg.OperationalError("server closed the connection")]

    def failing(send: Any, statement: Any, params: Any, on: Any) -> Any:
        if cut and "workflows_chunk" in statement.text:
            on.close()
            raise cut.pop()
        return send(statement, params, on)

    with database.intercepted(failing):
        add(writer, stream)
        writer.finish(stream)

    assert Chunk.objects.count() == 1


def test_what_the_codec_refuses_is_told_and_what_comes_behind_it_is_written(
    run: ClaimedRun, lost: list[dict[str, Any]]
) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    refused = RuntimeError("no key today")

    with mock.patch.object(store, "sealed_text", side_effect=refused):
        add(writer, stream)
        writer.finish(stream)
    add(writer, stream)
    writer.finish(stream)

    assert [(each["chunks"], each["error"]) for each in lost] == [(1, refused)]
    assert [each.sequence for each in Chunk.objects.all()] == [2]


def test_chunks_that_were_written_though_nobody_was_told_are_not_written_twice(
    run: ClaimedRun,
) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    cut = [psycopg.OperationalError("server closed the connection")]

    def failing(send: Any, statement: Any, params: Any, on: Any) -> Any:
        rows = send(statement, params, on)
        if cut and "workflows_chunk" in statement.text:
            raise cut.pop()
        return rows

    with database.intercepted(failing):
        add(writer, stream)
        writer.finish(stream)

    assert Chunk.objects.count() == 1


def test_what_the_database_refuses_is_told_and_costs_the_others_nothing(
    run: ClaimedRun, lost: list[dict[str, Any]]
) -> None:
    start(saying, words=[])
    other = claim()
    writer = ChunkWriter()
    bad, good = RunStream(run.id, run.attempt), RunStream(other.id, other.attempt)

    with writer.lock:  # both in one batch
        add(writer, bad, "no JSON")
        add(writer, good)
    writer.finish(good)
    writer.finish(bad)

    assert list(Chunk.objects.values_list("run_id", flat=True)) == [other.id]
    [told] = lost
    assert (told["run_id"], told["chunks"]) == (run.id, 1)
    assert "json" in str(told["error"])


def test_a_database_that_is_away_is_waited_for_a_while_only(
    run: ClaimedRun, lost: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_SECONDS", 0.2)
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    away = mock.patch.object(beat_connection, "join", side_effect=psycopg.OperationalError("away"))

    with away:
        add(writer, stream)
        writer.finish(stream)

    [told] = lost
    assert told["chunks"] == 1
    assert "took no chunks for 0.2 s" in str(told["error"])


def test_a_child_of_the_process_has_a_writer_of_its_own(run: ClaimedRun) -> None:
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)
    writer._thread = threading.Thread(target=print)  # which a fork has left behind

    writer.forget()

    add(writer, stream)
    writer.finish(stream)

    assert Chunk.objects.count() == 1


def test_the_thread_ends_when_nothing_comes_and_begins_again(
    run: ClaimedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    writer, stream = ChunkWriter(), RunStream(run.id, run.attempt)

    add(writer, stream)
    until(lambda: writer._thread is None)
    add(writer, stream)
    writer.finish(stream)

    assert Chunk.objects.count() == 2


@override_settings(WORKFLOWS={"lease_seconds": 60})
def test_a_reader_hears_a_word_while_the_step_goes_on() -> None:
    run = start(saying, words=["so", "it"])
    hooks["so"] = lambda: heard.append(until(lambda: stream_of(run)))
    heard: list[Any] = []
    began = time.monotonic()

    drive_until_idle()
    hooks.clear()

    assert heard == [["so"]]
    assert time.monotonic() - began < 10
    assert get_run(run.id).state == RunState.COMPLETED
