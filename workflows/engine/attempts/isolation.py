"""The isolation level of an atomic step."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from workflows.store.isolation import isolate


@contextmanager
def run_isolated(level: str | None) -> Iterator[None]:
    """Give the transaction that has just begun an isolation level of its own."""
    if level is not None and not connection.savepoint_ids:
        isolate(level)
    yield
