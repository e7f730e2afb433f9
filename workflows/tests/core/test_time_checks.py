"""How long a wait or a sleep may last, and when it is over."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.time_checks import (
    LATEST,
    LONGEST_SECONDS,
    deadline,
    is_due,
    sensible_moment,
    sensible_seconds,
)

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


@pytest.mark.parametrize(
    ("given", "taken"), [(1, 1.0), (0.5, 0.5), (-5, 0.0), (LONGEST_SECONDS, LONGEST_SECONDS)]
)
def test_a_number_of_seconds_is_taken_and_one_that_has_passed_is_none(
    given: float, taken: float
) -> None:
    assert sensible_seconds("sleep", given) == taken


@pytest.mark.parametrize(
    "given", [LONGEST_SECONDS + 1, float("inf"), float("nan"), "5", None, timedelta(seconds=5)]
)
def test_what_is_no_sensible_number_of_seconds_is_refused(given: object) -> None:
    with pytest.raises(DefinitionError, match=r"sleep: .* is not a number of seconds"):
        sensible_seconds("sleep", given)


@pytest.mark.parametrize("given", [NOON, LATEST, NOON.astimezone(timezone(timedelta(hours=14)))])
def test_an_aware_moment_is_taken_as_it_is(given: datetime) -> None:
    assert sensible_moment("sleep_until", given) == given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (NOON.replace(tzinfo=None), "give an aware datetime"),
        ("2026-01-01", "give an aware datetime"),
        (NOON.date(), "give an aware datetime"),
        (None, "give an aware datetime"),
        (LATEST + timedelta(microseconds=1), "too far away"),
    ],
)
def test_what_is_no_sensible_moment_is_refused(given: object, reason: str) -> None:
    with pytest.raises(DefinitionError, match=f"sleep_until: .*{reason}"):
        sensible_moment("sleep_until", given)
