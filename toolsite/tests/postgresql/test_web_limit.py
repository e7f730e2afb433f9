"""The limit on a request's database work: what it covers, and what is left behind."""

from collections.abc import Iterator
from time import monotonic

import pytest
from django.db import OperationalError, connection
from django.test import Client

from toolsite.postgresql import budget, web_limit
from toolsite.tests.outage_urls import sleep

pytestmark = [
    pytest.mark.urls("toolsite.tests.outage_urls"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(web_limit, "REQUEST_SECONDS", 0.5)
    yield Client(raise_request_exception=False)
    assert budget.current() is None


def is_fine() -> bool:
    return sleep(0) == "slept 0 s\n" and connection.get_autocommit()


@pytest.mark.parametrize("path", ["/slow", "/nested", "/swallowed"])
def test_statements_that_take_too_long_together_are_given_up(client: Client, path: str) -> None:
    began = monotonic()

    answer = client.get(path)

    assert answer.status_code == 503
    assert monotonic() - began < 3
    assert is_fine()


@pytest.mark.parametrize("path", ["/slow", "/nested"])
def test_each_request_in_one_transaction_is_given_up_too(client: Client, path: str) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert client.get(path).status_code == 503
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert is_fine()


def test_a_stream_is_cut_where_its_statement_takes_too_long(client: Client) -> None:
    answer = client.get("/stream")

    with pytest.raises(OperationalError, match="for all of its statements"):
        list(answer)

    answer.close()
    assert is_fine()


def test_the_next_request_has_all_of_its_time_and_a_fresh_connection(client: Client) -> None:
    sleep(0)
    before = connection.connection.info.backend_pid

    assert client.get("/nested").status_code == 503
    assert client.get("/fine").status_code == 200

    sleep(0)
    assert connection.connection.info.backend_pid != before


def test_a_connection_that_can_still_be_used_is_kept(client: Client) -> None:
    sleep(0)
    before = connection.connection.info.backend_pid

    client.get("/fine")

    sleep(0)
    assert connection.connection.info.backend_pid == before


def test_without_a_request_nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_limit, "REQUEST_SECONDS", 0.01)

    assert sleep(0.2) == "slept 0.2 s\n"


def test_a_database_that_answers_is_no_silent_one() -> None:
    assert web_limit.answers(5)
    assert web_limit.SILENCE.since is None
    budget.limit(None)


def test_a_refusal_is_an_answer_too() -> None:
    name = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = "no_such_database"
    try:
        assert web_limit.answers(5)
    finally:
        connection.settings_dict["NAME"] = name
        budget.limit(None)
