"""Rows whose values are encrypted anew: read without a lock, and written where they are still as they were.

Nothing is locked while this process decrypts and encrypts. What somebody holds, or has changed meanwhile, is
left out, to be read and tried again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import loads
from workflows.core.sealed import IN_TEXT
from workflows.store.database import query
from workflows.store.resealing import TABLES, Kept, Row, RowId
from workflows.store.statement import Statement


class Page(NamedTuple):
    """Some rows of a table, in the order of their ids."""

    last: RowId | None
    """The id of the last one; None: there are no more."""
    seen: int
    rows: list[Row]
    """Those that are not as they should be."""


def count_rows(kept: Kept) -> int:
    """Return how many rows a table has."""
    [[count]] = query(_STATEMENTS[kept.name].total)
    return int(count)


def read_page(kept: Kept, writes: str, *, after: RowId | None, limit: int) -> Page:
    """Return the next rows behind an id (None: from the beginning). writes: the key that encrypts now;
    "": none does."""
    if after is None:
        after = tuple(_BEFORE_ALL[kind] for kind in kept.key.values())
    place = dict(zip(kept.key, after, strict=True))
    rows = query(_STATEMENTS[kept.name].page, {**_params(writes), **place, "limit": limit})
    return Page(_id(kept, rows[-1]) if rows else None, len(rows), _rows(kept, rows))


def read_rows(kept: Kept, writes: str, ids: Sequence[RowId]) -> list[Row]:
    """Return those of these rows that are not as they should be."""
    asked = query(_STATEMENTS[kept.name].some, {**_params(writes), **_by_columns(kept, ids)})
    return _rows(kept, asked)


def write_rows(kept: Kept, changed: Sequence[tuple[Row, str]]) -> set[RowId]:
    """Write what changes of rows, as JSON texts, in the open transaction; return the ids of those that were
    as they were read."""
    query(_ALLOW, {"allowed": "on"})
    rows = query(
        _STATEMENTS[kept.name].write,
        {
            **_by_columns(kept, [row.id for row, _ in changed]),
            "was": [row.text for row, _ in changed],
            "becomes": [becomes for _, becomes in changed],
        },
    )
    query(_ALLOW, {"allowed": ""})
    return {_id(kept, row) for row in rows}


def _id(kept: Kept, row: Sequence[Any]) -> RowId:
    return tuple(row[: len(kept.key)])


def _by_columns(kept: Kept, ids: Sequence[RowId]) -> dict[str, list[Any]]:
    return {name: [each[place] for each in ids] for place, name in enumerate(kept.key)}


def _params(writes: str) -> dict[str, Any]:
    ours = f"{IN_TEXT}{writes}:"
    return {"any": IN_TEXT, "ours": ours, "plain": not writes}


def _rows(kept: Kept, rows: Sequence[Sequence[Any]]) -> list[Row]:
    return [
        Row(_id(kept, each), text, loads(beside))
        for *each, text, beside in rows
        if text is not None
    ]


_BEFORE_ALL = {"uuid": UUID(int=0), "bigint": 0, "integer": 0}
_ALLOW = Statement("SELECT set_config('workflows.reencrypting', %(allowed)s, true)")


class _Statements(NamedTuple):
    total: Statement
    page: Statement
    some: Statement
    write: Statement


def _pairs(kept: Kept) -> str:
    return ", ".join(f"'{name}', kept.{name}" for name in kept.columns)


def _is_due(kept: Kept) -> str:
    """Return the SQL that says whether a row is to be looked at: something of it is plain, or has another
    key than ours. In a column, all is written at once."""
    due = []
    for name in kept.columns:
        text = f"told.{name}"
        keys, ours = _times(text, "%(any)s"), _times(text, "%(ours)s")
        due.append(
            f"({text} <> '{{}}' AND CASE WHEN %(plain)s THEN {keys} > 0 "
            f"ELSE {ours} = 0 OR {keys} <> {ours} END)"
        )
    return " OR ".join(due)


def _times(text: str, what: str) -> str:
    return f"(length({text}) - length(replace({text}, {what}::text, ''))) / length({what}::text)"


def _statements(kept: Kept) -> _Statements:
    found = f"jsonb_build_object({_pairs(kept)})::text"
    names, key = ", ".join(kept.key), ", ".join(f"kept.{name}" for name in kept.key)
    ids = ", ".join(f"%({name})s::{kind}[]" for name, kind in kept.key.items())
    is_given = " AND ".join(f"kept.{name} = {{0}}.{name}" for name in kept.key)
    texts = ", ".join(f"kept.{name}::text AS {name}" for name in kept.columns)
    # OFFSET 0: the texts are made once, not at each place that names them.
    look = f"""
        SELECT {key}, CASE WHEN {_is_due(kept)} THEN {found} END,
               jsonb_build_object({kept.beside})::text
        FROM {kept.source} CROSS JOIN LATERAL (SELECT {texts} OFFSET 0) AS told
    """
    # NULL for what does not change: of a column that is empty, JSON's null would be another value.
    sets = ", ".join(f"{name} = coalesce(becomes->'{name}', kept.{name})" for name in kept.columns)
    after = ", ".join(f"%({name})s::{kind}" for name, kind in kept.key.items())
    return _Statements(
        total=Statement(f"SELECT count(*) FROM {kept.table}"),
        page=Statement(f"{look} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT %(limit)s"),
        some=Statement(f"{look} WHERE ({key}) IN (SELECT * FROM unnest({ids}))"),
        write=Statement(
            f"""
            WITH given AS MATERIALIZED (
                SELECT {names}, was::jsonb, becomes::jsonb
                FROM unnest({ids}, %(was)s::text[], %(becomes)s::text[])
                     AS given ({names}, was, becomes)),
            -- Row by row, so that each is found by its index.
            free AS MATERIALIZED (
                SELECT given.* FROM given CROSS JOIN LATERAL (
                    SELECT FROM {kept.table} AS kept WHERE {is_given.format("given")}
                    FOR NO KEY UPDATE SKIP LOCKED) AS locked)
            UPDATE {kept.table} AS kept SET {sets}
            FROM free
            WHERE {is_given.format("free")} AND jsonb_build_object({_pairs(kept)}) = free.was
            RETURNING {key}
            """
        ),
    )


_STATEMENTS = {kept.name: _statements(kept) for kept in TABLES}
