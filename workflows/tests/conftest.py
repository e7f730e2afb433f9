"""Each test starts with no notes; tests that need real commits ask for `committed`."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from workflows.tests.flows import notes

TABLES = [
    "workflows_event",
    "workflows_history",
    "workflows_run",
    "workflows_worker",
    "auth_group",
]


@pytest.fixture(autouse=True)
def no_notes() -> None:
    """Forget what steps did in the test before."""
    notes.done.clear()


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give a database where every commit is real, and clear the engine's tables afterwards.

    As TransactionTestCase, but without truncating every table of the project, which takes longer
    than most tests.
    """
    with django_db_blocker.unblock():
        yield
        connection.close()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL workflows.pruning = 'on'")
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table}")
        connection.close()
