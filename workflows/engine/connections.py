"""Django's connection around steps: refreshed, isolated, and never left broken."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

ISOLATION = {"repeatable read": "REPEATABLE READ", "serializable": "SERIALIZABLE"}


def transaction_depth() -> tuple[bool, int, bool]:
    """Return what differs when a transaction was left open."""
    depth = len(connection.savepoint_ids)
    return connection.in_atomic_block, depth, connection.autocommit


def clean_connection() -> None:
    """Drop a connection that a step left broken or inside a transaction."""
    if connection.in_atomic_block and connection.is_usable() and not connection.needs_rollback:
        return  # the transaction of a test around the drive
    if connection.in_atomic_block or not connection.autocommit:
        connection.close()
        connection.connect()  # forgets the open transaction
    connection.close_if_unusable_or_obsolete()


@contextmanager
def run_isolated(level: str | None) -> Iterator[None]:
    """Give the transaction that has just begun an isolation level of its own."""
    if level is not None and not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {ISOLATION[level]}")
    yield
