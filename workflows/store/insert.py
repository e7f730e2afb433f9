"""Rows that the engine inserts, each kind in one place; dated by its clock, not by a default."""

from workflows.core.history import HistoryKind
from workflows.store.statement import NOW


def line(
    source: str,
    kind: str,
    data: str = "'{}'::jsonb",
    *,
    run_id: str = "id",
    name: str = "''",
    attempt: str = "attempt",
) -> str:
    """Return the INSERT of a line about the run itself, for each row of a source.

    All are SQL; a kind may be a HistoryKind.
    """
    return _insert(
        "workflows_history", source, at=NOW, run_id=run_id, kind=_sql(kind), name=name, data=data,
        attempt=attempt,
    )  # fmt: skip


def operation_line(
    source: str, kind: str = "%(kind)s", data: str = "%(data)s::jsonb", *, run_id: str = "id"
) -> str:
    """Return the INSERT of a line about an operation, for each row of a source.

    Parameters: position, part, name and attempt; kind and data, unless they are given as SQL.
    """
    return _insert(
        "workflows_history",
        source,
        at=NOW,
        run_id=run_id,
        position="%(position)s",
        part="%(part)s",
        kind=_sql(kind),
        name="%(name)s",
        data=data,
        attempt="%(attempt)s",
    )


def _sql(kind: str) -> str:
    return f"'{kind}'" if isinstance(kind, HistoryKind) else kind


def _insert(table: str, source: str, **values: str) -> str:
    columns, expressions = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO {table} ({columns}) SELECT {expressions} FROM {source}"
