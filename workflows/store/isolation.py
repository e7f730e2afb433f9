"""Isolation levels above read committed: what a transaction sees is from its beginning.

Such a transaction cannot lock a row that others have changed since, and the run's row is changed while a
step runs: its lease is renewed, the step is shown. So the fence of a step that took long stands in a
transaction beside the step's own, from before the record until that is committed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import IsolationLevel

from workflows.core.run import ClaimedRun
from workflows.store.database import query, query_one
from workflows.store.fence import Beside, lock_beside
from workflows.store.statement import Statement
from workflows.store.workers import open_connection

_SET = {
    "repeatable read": Statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
    "serializable": Statement("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
}
_LEVEL = Statement("SELECT current_setting('transaction_isolation')")


def isolate(level: str) -> None:
    """Give the open transaction a level, before its first other statement."""
    query(_SET[level])


def sees_a_snapshot() -> bool:
    """Say whether the open transaction cannot lock what others have changed since it began."""
    row = query_one(_LEVEL)
    return row is not None and row[0] in _SET


@contextmanager
def fenced_beside(run: ClaimedRun) -> Iterator[Beside | None]:
    """Hold the run's row in a transaction beside ours, which writes nothing. None: the lease is lost.

    Opens a connection, which takes some milliseconds. Raises django.db.Error.
    """
    with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
        own = open_connection()
    try:
        with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
            own.autocommit, own.isolation_level = False, IsolationLevel.READ_COMMITTED
            beside = lock_beside(run, own)
        yield beside
    finally:
        own.close()
