"""Nothing is written inside a block, by whichever way: PostgreSQL refuses it.

Each statement has a read-only transaction of its own (or savepoint, inside a transaction), so that the
session is as it was between two of them: nothing is held, and a pooler may give it to others.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections, transaction

from workflows.store.database import Connection, Params, Rows, Send, intercepted
from workflows.store.statement import Statement

_BOUNDS = re.compile(r"\s*(SAVEPOINT|ROLLBACK|RELEASE|SET TRANSACTION)\b", re.I)
"""Of savepoints: inside another one they would end with that. What `_begin` says is for its own."""
_READS = re.compile(r"\s*(SELECT|EXPLAIN|SHOW|PRAGMA)\b", re.I)


@contextmanager
def reading_only() -> Iterator[None]:
    """Let this thread's connections write nothing inside the block, and the engine none at all. What
    tries to gets the database's error."""
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(_Guard()))
        stack.enter_context(intercepted(_read))
        yield


class _Guard:
    """Between Django and one connection."""

    def __init__(self) -> None:
        self._inside = False

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        if self._inside or _BOUNDS.match(str(sql)):
            return execute(sql, params, many, context)
        connection = context["connection"]
        if connection.vendor != "postgresql":
            if not _READS.match(str(sql)):
                raise NotSupportedError("nothing may be written here")
            return execute(sql, params, many, context)
        self._inside = True
        try:
            with transaction.atomic(connection.alias):
                _begin(connection.alias)
                return execute(sql, params, many, context)
        finally:
            self._inside = False


def _read(send: Send, statement: Statement, params: Params, on: Connection | None) -> Rows:
    if on is not None:
        raise NotSupportedError("nothing may be written here")
    with transaction.atomic():
        _begin(DEFAULT_DB_ALIAS)
        return send(statement, params, on)


def _begin(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
