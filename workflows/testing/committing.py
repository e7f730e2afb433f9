"""Inside a test's transaction, let a drive's statements fail and end as if each were a commit.

Outside tests a drive has no transaction around it: a statement that fails breaks nothing, and the
outermost atomic() block is undone by itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection, transaction

BOUNDS = re.compile(r"\s*(SAVEPOINT|ROLLBACK|RELEASE|SET)\b", re.I)


@contextmanager
def as_if_committed() -> Iterator[None]:
    """Give what stands alone a savepoint of its own. Does nothing outside a transaction."""
    if not connection.in_atomic_block:
        yield
        return
    depth = len(connection.savepoint_ids)
    real_enter, real_mark = transaction.Atomic.__enter__, transaction.mark_for_rollback_on_error

    def alone() -> bool:
        return len(connection.savepoint_ids) == depth

    def enter(block: transaction.Atomic) -> None:
        if alone():
            block.savepoint = True
        real_enter(block)

    @contextmanager
    def mark(using: str | None = None) -> Iterator[None]:
        if alone():
            yield
        else:
            with real_mark(using):
                yield

    def execute(real: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not alone() or BOUNDS.match(sql):
            return real(sql, params, many, context)
        own = str(connection.savepoint())
        try:
            result = real(sql, params, many, context)
        except Exception:
            connection.savepoint_rollback(own)
            raise
        connection.savepoint_commit(own)
        return result

    with (
        mock.patch.object(transaction.Atomic, "__enter__", enter),
        mock.patch.object(transaction, "mark_for_rollback_on_error", mark),
        connection.execute_wrapper(execute),
    ):
        yield
