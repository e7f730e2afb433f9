"""What a run has sent, as its history tells it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from workflows.core.codec import loads
from workflows.core.errors import RequestError
from workflows.core.event_lines import REFUSALS, event_refused, event_sent, refusal
from workflows.core.failure import describe
from workflows.core.history import HistoryEntry
from workflows.core.run import Fact

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(fact: Fact) -> HistoryEntry:
    return HistoryEntry(
        id=1, position=1, part=0, kind=fact.kind, name=fact.name, data=loads(fact.data), at=NOON
    )


def test_an_event_that_was_taken_is_no_error() -> None:
    assert refusal(line(event_sent(1, "go", UUID(int=7), {"payload": "ab"}))) is None


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_the_same_error_live_and_read(kind: type[RequestError]) -> None:
    read = refusal(line(event_refused(1, "go", describe(kind("not so")), {})))

    assert type(read) is kind
    assert str(read) == "not so"
