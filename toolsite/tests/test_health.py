"""/healthz and /readyz: what each asks, and the reason it gives."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from toolsite import health


@pytest.fixture
def one_living_worker() -> Iterator[None]:
    with patch.object(health, "living_workers", return_value=1):
        yield


def test_healthz_asks_no_database(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_readyz_is_well_where_everything_is_there(client: Client, one_living_worker: None) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_misses_a_cluster(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "no cluster is alive" in answer.json()["reason"]


@pytest.mark.django_db
def test_readyz_names_the_first_migration_that_is_missing(
    client: Client, one_living_worker: None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["reason"].endswith("not applied, the first is sessions.0001_initial")


def test_readyz_says_that_the_database_does_not_answer(client: Client) -> None:
    away = OperationalError("connection refused\nIs the server running?")

    with patch.object(health, "unapplied_migrations", side_effect=away):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["reason"] == "the database does not answer: connection refused"


@pytest.mark.django_db
def test_readyz_is_cheap(
    client: Client, one_living_worker: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/readyz")

    # Whether the table of migrations is there, and what it holds.
    with django_assert_num_queries(2):
        client.get("/readyz")


def test_health_is_read_only(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
