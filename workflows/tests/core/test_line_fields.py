"""The fields of lines: named once, for Python and for SQL."""

from datetime import UTC, datetime

import pytest

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import ERROR, FIELDS, OUTPUT, UNTIL, sql_data, time_field

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_ = HistoryKind


def line(**data: object) -> HistoryEntry:
    return HistoryEntry(
        id=1, position=1, part=0, kind=_.STEP_COMPLETED, name="pack", data=data, at=NOON
    )


def test_every_kind_says_what_it_holds() -> None:
    assert set(FIELDS) == set(HistoryKind)


def test_a_field_that_a_line_lacks_is_found_to_be_none_and_missed_where_it_must_be() -> None:
    assert (OUTPUT.find(line()), UNTIL.find(line()), UNTIL.find(line(until=None))) == (None,) * 3
    with pytest.raises(KeyError):
        OUTPUT.of(line())


def test_a_time_is_read_as_postgresql_writes_it() -> None:
    there = line(until="2026-01-01T14:00:00+02:00")

    assert UNTIL.of(there) == UNTIL.find(there) == NOON


def test_a_payload_that_is_json_text_goes_in_as_it_is() -> None:
    assert OUTPUT.written_as('{"a": 1e22}') == '"output": {"a": 1e22}'
    assert OUTPUT.written({"a": "é"}) == '"output": {"a": "é"}'
    assert ERROR.written({}) == '"error": {}'


def test_sql_makes_the_fields_of_a_kind() -> None:
    made = sql_data(_.CANCEL_REQUESTED, by="%s::text", reason="%s::text")

    assert made == "jsonb_build_object('by', %s::text, 'reason', %s::text)"


def test_sql_names_no_field_that_the_kind_has_not() -> None:
    with pytest.raises(ValueError, match="woken has no field error, who"):
        sql_data(HistoryKind.WOKEN, by="''", who="''", error="''")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (_.WAIT_STARTED, "until"),
        (_.SLEEP_STARTED, "until"),
        (_.ATTEMPT_FAILED, "retry_at"),
        (_.COMPENSATION_ATTEMPT_FAILED, "retry_at"),
    ],
)
def test_a_park_tells_its_time_where_its_line_has_one(kind: HistoryKind, field: str) -> None:
    assert time_field(kind) == field
