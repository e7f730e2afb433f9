"""Each test starts with no notes; tests that need real commits ask for `committed`."""

from collections.abc import Iterator
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

from workflows.observe import once_a_minute
from workflows.testing import forget_time
from workflows.tests.cluster.figures import pytest_terminal_summary
from workflows.tests.flows import notes

__all__ = ["committed", "no_flush", "no_notes", "pytest_terminal_summary"]

TABLES = [
    "workflows_event",
    "workflows_history",
    "workflows_run",
    "workflows_prunedkey",
    "workflows_chunk",
    "workflows_limitmoment",
    "workflows_limitrate",
    "workflows_limitsetting",
    "workflows_limitslot",
    "workflows_limitwait",
    "workflows_schedule",
    "workflows_statistic",
    "workflows_statisticmark",
    "workflows_worker",
    "auth_group",
]


@pytest.fixture(autouse=True)
def no_notes() -> None:
    """Forget what steps did, what was said and how much time passed in the test before."""
    forget_time()
    once_a_minute.forget()
    notes.done.clear()


@pytest.fixture
def no_flush() -> Iterator[None]:
    """Keep Django from truncating every table of the project after the test."""
    with mock.patch.object(TransactionTestCase, "_fixture_teardown"):
        yield


@pytest.fixture
def committed(no_flush: None, transactional_db: None) -> Iterator[None]:
    """Give a database where every commit is real, and clear the engine's tables afterwards.

    Truncating all of them instead takes longer than most tests.
    """
    yield
    connection.close()
    connection.connect()  # forgets a transaction that a failed test left open
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")
