"""Inside the block nothing is written, whichever way it is tried."""

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, NotSupportedError, connection, transaction

from workflows.store.database import query
from workflows.store.read_only import reading_only
from workflows.store.statement import Statement
from workflows.tests.builders import connected

WRITE = Statement("DELETE FROM workflows_worker")


@pytest.mark.django_db
def test_djangos_connection_reads_and_cannot_write() -> None:
    with reading_only():
        assert Group.objects.count() == 0
        assert list(Group.objects.iterator()) == []
        with pytest.raises(DatabaseError, match="read-only"), transaction.atomic():
            Group.objects.create(name="one")

    assert Group.objects.create(name="two").pk


@pytest.mark.django_db
def test_the_engines_statements_cannot_write() -> None:
    with connected() as own, reading_only():
        assert query(Statement("SELECT 1")) == [(1,)]
        with pytest.raises(DatabaseError, match="read-only"):
            query(WRITE)
        with pytest.raises(NotSupportedError):
            query(Statement("SELECT 1"), on=own)

    assert query(WRITE) == []


def test_nothing_is_held_between_statements(committed: None) -> None:
    with reading_only():
        assert Group.objects.count() == 0
        assert not connection.in_atomic_block
        with connection.cursor() as cursor:
            cursor.execute("SHOW default_transaction_read_only")
            assert cursor.fetchone() == ("off",)
        with pytest.raises(DatabaseError, match="read-only"):
            Group.objects.create(name="one")

    assert Group.objects.create(name="two").pk
