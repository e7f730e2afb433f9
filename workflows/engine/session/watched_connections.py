"""Django's connections while a workflow's own code runs: no statement, no transaction of its own."""

from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow_guard import IN_A_STEP, is_on, refuse


class WatchedConnections:
    """All of this thread's, of every alias, as they were before the code."""

    def __init__(self) -> None:
        self._before: list[tuple[BaseDatabaseWrapper, int]] = []
        for connection in connections.all():
            if _refuse_statement not in connection.execute_wrappers:
                # In front: whoever has put one on top takes the last one off again.
                connection.execute_wrappers.insert(0, _refuse_statement)
            self._before.append((connection, len(connection.atomic_blocks)))

    def refuse_transactions(self) -> None:
        """Raise DefinitionError where the code has opened a transaction around what it asks for."""
        for connection, blocks in self._before:
            if len(connection.atomic_blocks) > blocks:
                raise DefinitionError(
                    "workflow code asks for this inside transaction.atomic(): what is recorded there "
                    "would roll back, and what steps did would not; take the block away, and give "
                    "steps that write @step(atomic=True)"
                )


def _refuse_statement(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    if is_on():
        words = " ".join(str(sql).split())
        refuse(f"uses the database ({words:.60})", IN_A_STEP)
    return execute(sql, params, many, context)
