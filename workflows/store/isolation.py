"""The isolation level of a transaction that has just begun."""

from workflows.store.database import query
from workflows.store.statement import Statement

_SET = {
    "repeatable read": Statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
    "serializable": Statement("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
}


def isolate(level: str) -> None:
    """Give the open transaction a level, before its first other statement."""
    query(_SET[level])
