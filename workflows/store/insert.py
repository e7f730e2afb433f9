"""Rows that the engine inserts, each kind in one place; dated by its clock, not by a default."""

from dataclasses import fields
from typing import Any
from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.run import NewRun
from workflows.core.states import RunState
from workflows.store.sealing import sealed_input, sealed_text
from workflows.store.statement import NOW

_BEGIN = f"greatest({NOW}, %(at)s::timestamptz)"
_NEW_RUN = {
    **{field.name: f"%({field.name})s" for field in fields(NewRun)},
    "input": "%(input)s::jsonb",
    "defaults": "%(defaults)s::jsonb",
    "deadline_seconds": "%(deadline_seconds)s::float8",
    "deadline": f"{_BEGIN} + %(deadline_seconds)s::float8 * interval '1 second'",
    "tags": "%(tags)s::text[]",
    "attributes": "%(attributes)s::jsonb",
    "baggage": "%(baggage)s::jsonb",
    "state": f"'{RunState.PENDING}'",
    "status": "''",
    "wake_at": _BEGIN,
    "created_at": NOW,
}
"""By column, what a new run begins with."""
del _NEW_RUN["at"]


def run(source: str = "", **instead: str) -> str:
    """Return the INSERT of a run for each row of a source, or of one run: it is due at once, or at its time.

    Parameters: new_run_params; for what is not a NewRun's, SQL by column.
    """
    return _insert("workflows_run", source, **_NEW_RUN | instead)


def new_run_params(new: NewRun, *, owner: UUID | None = None) -> dict[str, Any]:
    """Return the parameters of `run`. owner: the first run of its chain; None: it is that itself."""
    tags = list(new.tags)
    owner = new.id if owner is None else owner
    given, defaults = sealed_input(owner, new.input)
    baggage = sealed_text(owner, "baggage", new.baggage)
    return {**vars(new), "input": given, "defaults": defaults, "baggage": baggage, "tags": tags}


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
    origin = f"FROM {source}" if source else ""
    return f"INSERT INTO {table} ({columns}) SELECT {expressions} {origin}"
