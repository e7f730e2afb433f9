"""What becomes of the database, in a line for each cause and minute."""

from datetime import UTC, datetime

import psycopg

from workflows import signals
from workflows.tests.listening import listening

GONE = psycopg.OperationalError("server closed the connection\nunexpectedly")
REFUSED = psycopg.OperationalError("connection refused")


def go(error: Exception) -> None:
    signals.database_away.send(sender=None, error=error)


def come() -> None:
    signals.database_back.send(sender=None)


def test_a_database_that_comes_and_goes_is_said_once_for_each_cause() -> None:
    with listening("workflows.cluster") as ear:
        for error in (GONE, GONE, REFUSED, GONE, REFUSED):
            go(error)
            come()

    assert [record.getMessage() for record in ear.records] == [
        "the database does not answer, waiting: server closed the connection unexpectedly",
        "the database answers again",
        "the database does not answer, waiting: connection refused",
        "the database answers again",
    ]


def test_a_database_that_hangs_is_an_error_that_names_who_waits_and_since_when() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    with listening("workflows.cluster") as ear:
        signals.database_hangs.send(
            sender=None, waits_for="a look at the queue", since=noon, seconds=5.2
        )
        come()

    hangs, back = ear.records
    assert hangs.levelname == "ERROR"
    assert hangs.getMessage() == (
        "the database has not answered for 5 s: a look at the queue waits for it since "
        "2026-01-01T12:00:00+00:00"
    )
    assert back.getMessage() == "the database answers again"


def test_leases_that_are_not_extended_are_one_line_a_minute() -> None:
    with listening("workflows.cluster") as ear:
        for number in range(50):
            signals.lease_not_extended.send(sender=None, run_id=number, error=GONE)

    assert len(ear.records) == 1
