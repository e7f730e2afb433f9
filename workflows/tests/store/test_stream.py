"""Chunks in the database: who may write them, how they are read, and that they go with their run."""

from uuid import uuid4

import pytest
from django.db import connection, transaction

from workflows.api import start
from workflows.core.chunk import NewChunk, begin_of, read_cursor
from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.models import Chunk
from workflows.store import stream as module
from workflows.store.stream import append_chunks, emitted_bytes, load_chunks, read_chunks
from workflows.tests.builders import claim, give_to_another, run_sql
from workflows.tests.emitting import saying

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> ClaimedRun:
    start(saying, words=[])
    return claim()


def new(sequence: int, text: str = "1") -> NewChunk:
    return NewChunk(sequence, "say", 1, 1, sequence, False, text)


def test_chunks_are_written_for_the_attempt_that_holds_the_run(run: ClaimedRun) -> None:
    drive = (run.id, run.attempt)

    assert append_chunks({drive: [new(1), new(2)]}) == {drive: RunState.RUNNING}
    assert append_chunks({drive: [new(2), new(3)]}) == {drive: RunState.RUNNING}  # sent again
    assert Chunk.objects.count() == 3


def test_of_an_attempt_that_lost_the_run_nothing_is_written(run: ClaimedRun) -> None:
    other = give_to_another(run)

    held = append_chunks(
        {(run.id, run.attempt): [new(1)], (other.id, other.attempt): [new(1), new(2)]}
    )

    assert held == {(other.id, other.attempt): RunState.RUNNING}
    assert set(Chunk.objects.values_list("attempt", flat=True)) == {other.attempt}


def test_of_a_run_that_is_over_or_gone_nothing_is_written(run: ClaimedRun) -> None:
    run_sql("UPDATE workflows_run SET state = 'completed', finished_at = now()")

    assert append_chunks({(run.id, run.attempt): [new(1)], (uuid4(), 1): [new(1)]}) == {}
    assert not Chunk.objects.exists()


def test_they_are_read_in_pages_behind_a_place(
    run: ClaimedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_chunks({(run.id, run.attempt): [new(number, str(number)) for number in range(1, 6)]})
    monkeypatch.setattr(module, "READ_AT_ONCE", 5)  # what the statement says stays

    seen = read_chunks(begin_of(run.id))
    assert seen is not None
    assert [each.value for each in seen.chunks] == [1, 2, 3, 4, 5]
    assert (seen.has_more, seen.is_over, seen.continued_as) == (True, False, None)
    behind = read_chunks(read_cursor(seen.chunks[2].cursor))
    assert behind is not None
    assert [each.value for each in behind.chunks] == [4, 5]
    assert read_chunks(begin_of(uuid4())) is None


def test_what_was_emitted_before_is_counted(run: ClaimedRun) -> None:
    append_chunks({(run.id, run.attempt): [new(1), new(2, '"so"')]})

    assert emitted_bytes((run.id, run.attempt)) == 0
    assert emitted_bytes((run.id, run.attempt + 1)) == 1 + 4 + 2 * 64


def test_they_are_loaded_for_several_runs(run: ClaimedRun) -> None:
    append_chunks({(run.id, run.attempt): [new(1)]})

    found = load_chunks([run.id, uuid4()])

    assert [each.value for each in found[run.id]] == [1]
    assert set(found) == {run.id}


def test_they_go_with_their_run_whoever_deletes_it(run: ClaimedRun) -> None:
    append_chunks({(run.id, run.attempt): [new(1)]})
    start(saying, words=[])
    other = claim()
    append_chunks({(other.id, other.attempt): [new(1)]})

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")
        cursor.execute("DELETE FROM workflows_run WHERE id = %s", [run.id])

    assert list(Chunk.objects.values_list("run_id", flat=True)) == [other.id]
