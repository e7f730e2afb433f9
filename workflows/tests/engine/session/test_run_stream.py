"""What one drive has emitted: counted, and kept until it is written."""

from uuid import UUID

from workflows.core.chunk import OVERHEAD_BYTES, NewChunk
from workflows.engine.session.run_stream import RunStream


def with_chunks(count: int) -> RunStream:
    stream = RunStream(UUID(int=1), 1)
    for number in range(1, count + 1):
        stream.add(NewChunk(number, "say", 1, 1, number, False, "1"), 1)
    return stream


def test_it_counts_what_is_emitted() -> None:
    stream = with_chunks(3)

    assert (stream.sequence, stream.bytes) == (3, 3 * (1 + OVERHEAD_BYTES))


def test_chunks_wait_until_they_are_forgotten() -> None:
    stream = with_chunks(3)

    assert [each.sequence for each in stream.first(2)] == [1, 2]
    assert stream.forget(2) == 2
    assert stream.forget(2) == 0
    assert [each.sequence for each in stream.first(2)] == [3]


def test_only_a_first_attempt_knows_what_the_run_emitted_before() -> None:
    assert RunStream(UUID(int=1), 1).is_counted
    assert not RunStream(UUID(int=1), 2).is_counted
