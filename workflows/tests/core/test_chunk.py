"""Chunks: cursors are read as they were told; what counts in the end is the newest attempt's."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from workflows.api import Chunk, InvalidInput
from workflows.core.chunk import Cursor, newest_tries, read_cursor

RUN = UUID(int=7)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_chunk(value: str, *, position: int = 1, number: int = 1, undo: bool = False) -> Chunk:
    return Chunk(
        value=value,
        cursor="",
        run_id=RUN,
        step="say",
        position=position,
        attempt=1,
        number=number,
        undo=undo,
        at=NOON,
    )


def test_a_cursor_is_read_as_it_was_told() -> None:
    assert read_cursor(str(Cursor(RUN, 2, 31))) == (RUN, 2, 31)


@pytest.mark.parametrize(
    "text", ["", "1:2", f"{RUN}:1", f"{RUN}:1:-1", f"{RUN}:1:{2**31}", f"{RUN}:x:1", None, 7]
)
def test_what_is_no_cursor_is_refused_with_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="give the cursor of a chunk, or None"):
        read_cursor(text)


def test_an_attempt_that_begins_anew_takes_the_place_of_the_one_before() -> None:
    told = [
        a_chunk("a1"),
        a_chunk("b1", position=2),
        a_chunk("a2", number=2),
        a_chunk("A1"),
        a_chunk("b2", position=2, number=2),
        a_chunk("undone", undo=True),
    ]

    assert [each.value for each in newest_tries(told)] == ["b1", "A1", "b2", "undone"]
