"""When a wait or a sleep is over."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.waits import deadline, is_due

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def started(until: str | None) -> HistoryEntry:
    return HistoryEntry(
        id=1,
        position=1,
        part=1,
        kind=HistoryKind.WAIT_STARTED,
        name="",
        data={"names": ["go"], "until": until},
        at=NOON,
    )


def test_a_wait_without_a_limit_is_never_due() -> None:
    assert deadline(started(None)) is None
    assert not is_due(started(None), NOON + timedelta(days=36_500))


def test_a_wait_is_due_at_its_deadline_and_not_a_microsecond_before() -> None:
    wait = started(NOON.isoformat())

    assert not is_due(wait, NOON - timedelta(microseconds=1))
    assert is_due(wait, NOON)


def test_the_deadline_is_read_as_postgresql_writes_it() -> None:
    assert deadline(started("2026-01-01T14:00:00.5+02:00")) == NOON + timedelta(milliseconds=500)


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_the_zone_of_the_clock_does_not_matter(hours: int) -> None:
    there = timezone(timedelta(hours=hours))

    assert is_due(started(NOON.isoformat()), NOON.astimezone(there))
