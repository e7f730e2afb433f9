"""Statements on Django's connection share a cursor, which nobody notices."""

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction

from workflows.store.database import query, query_one
from workflows.store.kept_cursor import MOST_ROWS, cursor_on
from workflows.store.statement import Statement
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere

A_SECOND = Statement("SELECT 1")
WRITTEN = Statement("SELECT %s::timestamptz")


def kept() -> Any:
    connection.ensure_connection()
    return cursor_on(connection.connection)


@pytest.mark.django_db
def test_the_next_statement_has_the_cursor_of_the_one_before() -> None:
    first = kept()

    query(A_SECOND)

    assert kept() is first


@pytest.mark.usefixtures("committed")
def test_a_new_connection_has_a_cursor_of_its_own() -> None:
    def twice() -> list[Any]:
        pids = []
        for _ in range(2):
            pids.append(query_one(Statement("SELECT pg_backend_pid()")))
            connection.close()
        return pids

    first, second = elsewhere(twice).result(PATIENCE_SECONDS)

    assert first != second


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [Statement("SELECT 1 / 0"), Statement(f"SELECT generate_series(0, {MOST_ROWS})")],
    ids=["refused", "many rows"],
)
def test_a_cursor_is_dropped_after(statement: Statement) -> None:
    first = kept()

    with suppress(DatabaseError), transaction.atomic():
        query(statement)

    assert kept() is not first
    assert query(A_SECOND) == [(1,)]


@pytest.mark.django_db
def test_threads_that_share_a_connection_do_not_share_the_cursor() -> None:
    connection.ensure_connection()
    found: list[Any] = []
    other = threading.Thread(
        target=lambda raw: found.append(cursor_on(raw)), args=[kept().connection]
    )

    other.start()
    other.join()

    assert found[0].connection is kept().connection
    assert found[0] is not kept()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 23:07:12.321234+00",
        "2026-11-21 23:07:12.3+00",
        "2026-11-21 23:07:12+02:30",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
    ],
)
def test_moments_are_the_ones_that_django_reads(text: str) -> None:
    [[found]] = query(WRITTEN, [text])

    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        assert (found, found.tzinfo) == (cursor.fetchone()[0], UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00+00 BC"])
def test_a_moment_that_python_cannot_tell_is_an_error_as_before(text: str) -> None:
    with pytest.raises(DatabaseError):
        query(WRITTEN, [text])


@pytest.mark.usefixtures("committed")
def test_moments_have_the_zone_of_the_connection() -> None:
    def in_berlin() -> Any:
        connection.settings_dict = {**connection.settings_dict, "TIME_ZONE": "Europe/Berlin"}
        for known in ("timezone", "timezone_name"):
            connection.__dict__.pop(known, None)
        return query_one(WRITTEN, ["2026-11-21 12:00+00"])

    [found] = elsewhere(in_berlin).result(PATIENCE_SECONDS)

    assert found == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert found.tzinfo == ZoneInfo("Europe/Berlin")
