"""PostgreSQL is away under a request: a polite 503, one line in the log, and the next one works."""

import logging
from unittest.mock import patch

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection
from django.middleware.common import CommonMiddleware
from django.template import TemplateDoesNotExist
from django.test import Client

from toolsite import outage

pytestmark = [pytest.mark.urls("toolsite.tests.outage_urls"), pytest.mark.django_db]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("path", ["/away", "/closed"])
def test_a_view_without_a_database_answers_503_and_when_to_come_back(
    client: Client, path: str
) -> None:
    answer = client.get(path)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert b"<h1" in answer.content


def test_the_503_is_as_strict_about_content_as_every_page(client: Client) -> None:
    answer = client.get("/away")

    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert b"style=" not in answer.content
    assert b"<script>" not in answer.content


def test_a_middleware_without_a_database_answers_503_too(client: Client) -> None:
    away = OperationalError("connection refused")

    with patch.object(CommonMiddleware, "process_request", side_effect=away):
        answer = client.get("/fine")

    assert answer.status_code == 503


def test_a_defect_of_ours_stays_a_500(client: Client) -> None:
    assert client.get("/defect").status_code == 500


def test_the_page_needs_no_template() -> None:
    with patch.object(outage, "render_to_string", side_effect=TemplateDoesNotExist("503.html")):
        answer = outage.unavailable()

    assert b"please try again" in answer.content


def test_the_log_says_it_in_one_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/away")

    written = [record for record in caplog.records if outage.OutageFilter().filter(record)]
    assert [record.getMessage() for record in written] == [
        "answered 503 to /away: server closed the connection unexpectedly"
    ]


def test_the_log_keeps_everything_else() -> None:
    defect = (ZeroDivisionError, ZeroDivisionError(), None)
    record = logging.LogRecord("django.request", logging.ERROR, "", 1, "x", (), defect)

    assert outage.OutageFilter().filter(record)


@pytest.mark.django_db(transaction=True)
def test_the_request_after_a_cut_connection_works(client: Client) -> None:
    session = SessionStore()
    session["key"] = "value"
    session.create()
    cut_connection()

    outage.drop_broken_connections()

    assert SessionStore(session.session_key)["key"] == "value"


def cut_connection() -> None:
    """Let the server hang up on us, and let Django notice."""
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
