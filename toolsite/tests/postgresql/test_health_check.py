"""Whether a connection still works is asked where that is not known: once a request at most."""

from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest
from django.db import connection, connections

from toolsite.postgresql.budget import Budget, limit
from toolsite.postgresql.connection import JUST_NOW_SECONDS, TimedConnection
from toolsite.tests.outage_urls import sleep

pytestmark = [
    pytest.mark.urls("toolsite.tests.outage_urls"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def raw() -> Iterator[TimedConnection[tuple[object, ...]]]:
    """The connection that a request has just left."""
    limit(Budget(5))
    sleep(0)
    yield connection.connection
    limit(None)
    connection.close()


def backend() -> int:
    sleep(0)
    found: int = connection.connection.info.backend_pid
    return found


def begin_request() -> None:
    connection.health_check_enabled = True  # type: ignore[attr-defined]
    connection.health_check_done = False  # type: ignore[attr-defined]


def test_a_connection_that_answered_just_now_is_not_asked(
    raw: TimedConnection[tuple[object, ...]],
) -> None:
    begin_request()
    heard_at = raw.heard_at

    connection.close_if_health_check_failed()

    assert raw.heard_at == heard_at


def test_one_that_was_left_alone_is_asked(raw: TimedConnection[tuple[object, ...]]) -> None:
    begin_request()
    raw.heard_at = monotonic() - JUST_NOW_SECONDS - 0.1

    connection.close_if_health_check_failed()

    assert raw.heard_at > monotonic() - JUST_NOW_SECONDS


def test_one_whose_server_has_hung_up_is_replaced(
    raw: TimedConnection[tuple[object, ...]],
) -> None:
    before = raw.info.backend_pid
    begin_request()
    with psycopg.connect(**connections["default"].get_connection_params()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    raw.heard_at = monotonic()

    assert backend() != before


def test_a_closed_one_has_not_answered(raw: TimedConnection[tuple[object, ...]]) -> None:
    raw.close()

    assert not raw.answered_just_now()


def test_without_a_request_it_is_asked_as_django_does() -> None:
    sleep(0)

    assert not connection.connection.answered_just_now()
