"""Fixtures of the tests that start real clusters."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from workflows.tests.cluster.bouncer import behind_pgbouncer_if_asked
from workflows.tests.cluster.lab import Cluster, Lab, open_lab
from workflows.tests.cluster.postgres import Postgres


@pytest.fixture(autouse=True)
def transactional_db() -> None:
    """Take the place of pytest-django's: by this name it makes the test database for us.

    Its own would empty the tables between the tests that share a cluster.
    """


@pytest.fixture
def lab(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a lab of the test's own."""
    folder = tmp_path_factory.mktemp("lab")
    with django_db_blocker.unblock(), behind_pgbouncer_if_asked(), open_lab(folder) as lab:
        yield lab
    connection.close()


@pytest.fixture(scope="module")
def shared_lab(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a lab for all tests of a module: none of them may break it."""
    folder = tmp_path_factory.mktemp("lab")
    with django_db_blocker.unblock(), behind_pgbouncer_if_asked(), open_lab(folder) as lab:
        yield lab
        connection.close()


@pytest.fixture(scope="module")
def shared_cluster(shared_lab: Lab) -> Cluster:
    """Return a ready cluster of two workers for all tests of a module."""
    return shared_lab.cluster().wait_until_ready()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Return a running server of the tests' own."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_lab(
    postgres: Postgres,
    request: pytest.FixtureRequest,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
) -> Iterator[Lab]:
    """Return a lab on a database of that server."""
    name = f"test_{abs(hash(request.node.name)):x}"
    with django_db_blocker.unblock():
        postgres.make_migrated_database(name)
        with postgres.used(name), open_lab(tmp_path) as lab:
            yield lab
