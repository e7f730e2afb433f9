"""Which children go along to the next run of a chain, as a line tells it."""

from datetime import UTC, datetime
from uuid import UUID

from workflows.core.codec import loads
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.kept_children import KeptChild, kept_children, written


def test_what_is_written_is_read_again_in_its_order() -> None:
    children = [KeptChild(UUID(int=2), "tests.b"), KeptChild(UUID(int=1), "tests.a")]
    line = HistoryEntry(
        id=1, position=None, part=0, kind=HistoryKind.CHILDREN_KEPT, name="",
        data={"children": loads(written(children))}, at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip

    assert kept_children(line) == children
