"""Who sent an event, as it goes through a line and back."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from workflows.core.codec import loads
from workflows.core.event_lines import sender_of
from workflows.core.history import HistoryEntry
from workflows.core.lines import event_received
from workflows.core.sender import NOBODY_SAID, Sender

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "sender",
    [NOBODY_SAID, Sender(by="alice"), Sender(by="é", tenant="t"), Sender("", "t", UUID(int=7))],
)
def test_a_sender_is_read_as_it_was_written(sender: Sender) -> None:
    fact = event_received(1, ["go"], "go", "1", sender)
    entry = HistoryEntry(
        id=1, position=1, part=0, kind=fact.kind, name="go", data=loads(fact.data), at=NOON
    )

    assert sender_of(entry) == sender


def test_of_whom_nobody_said_anything_a_line_holds_nothing() -> None:
    line = event_received(1, ["go"], "go", "1", NOBODY_SAID)

    assert line == event_received(1, ["go"], "go", "1")
    assert loads(line.data) == {"names": ["go"], "payload": 1}
