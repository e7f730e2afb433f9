"""What a scenario leaves in the project's own tables, told so that two plays can be compared.

A new row's id says only how many rows were tried before it: ids are left out, and what points to a
new row tells that row instead.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, models, router

Row = dict[str, Any]
Model = type[models.Model]
_Found = dict[str, dict[tuple[Any, ...], Row]]
"""Rows by the model's label and their primary key."""


class Tables:
    """The tables of all models but the engine's, in the default database."""

    def __init__(self, *, ignore: Collection[Model] = ()) -> None:
        there = set(connection.introspection.table_names())
        self._models = {
            model._meta.label: model
            for model in apps.get_models(include_auto_created=True)
            if _has_a_table(model, there) and model not in ignore
        }
        self._before = self._read()

    @property
    def models(self) -> list[Model]:
        """The models whose rows are told."""
        return list(self._models.values())

    def changes(self) -> dict[str, list[Row]]:
        """Return by label the rows that are new, changed or gone since this object was made."""
        now = self._read()
        return {label: list(self._changes(label, now)) for label in self._models}

    def _changes(self, label: str, now: _Found) -> Iterator[Row]:
        before, model = self._before[label], self._models[label]
        for key, row in now[label].items():
            if before.get(key) != row:
                yield self._told(model, row, now, new=key not in before, follow=True)
        for key in before.keys() - now[label].keys():
            yield {"gone": key}

    def _told(self, model: Model, row: Row, now: _Found, *, new: bool, follow: bool) -> Row:
        told: Row = {}
        for field in model._meta.local_concrete_fields:
            column, source = str(field.column), _source(field)
            value = row[column]
            if not isinstance(source, models.AutoField) or value is None:
                told[column] = value
            elif source is field:
                told |= {} if new else {column: value}
            elif follow:
                told[column] = self._target(source, value, now)
        return told

    def _target(self, source: Any, value: Any, now: _Found) -> Any:
        """Return the row that a foreign key points to, where it is new; else the key."""
        label = source.model._meta.label
        row = now.get(label, {}).get((value,))
        if row is None or (value,) in self._before[label]:
            return value
        return self._told(source.model, row, now, new=True, follow=False)

    def _read(self) -> _Found:
        quote = connection.ops.quote_name
        each = (
            f"SELECT '{label}', to_jsonb(t)::text FROM {quote(model._meta.db_table)} t"  # noqa: S608
            for label, model in self._models.items()
        )
        found: _Found = {label: {} for label in self._models}
        for label, text in _query(_union(each)):
            row = json.loads(text)
            found[label][_key(self._models[label], row)] = row
        return found


class Ids:
    """The sequences that new rows get their ids from. No rollback puts them back by itself."""

    def __init__(self, tables: Tables) -> None:
        columns = list(_sequences(tables.models))
        found = _query(
            _union(
                f"SELECT {number}, last_value, is_called FROM {name}"  # noqa: S608
                for number, (name, _, _) in enumerate(columns)
            )
        )
        at_first = {number: (last, called) for number, last, called in found}
        self._restore = _union(
            f"SELECT setval('{name}', {last}, {called})"
            for number, (name, _, _) in enumerate(columns)
            for last, called in [at_first[number]]
        )
        self._forget = _union(
            _as_if_never_asked(*column, *at_first[number]) for number, column in enumerate(columns)
        )

    def as_at_first(self) -> None:
        """Let every play get the same ids."""
        _query(self._restore)

    def as_if_never_asked(self) -> None:
        """Forget the ids of rows that were rolled back with a worker's death."""
        _query(self._forget)


def _as_if_never_asked(name: str, table: str, column: str, last: int, called: bool) -> str:
    """Put a sequence back to the last row that is there, but not to before the play."""
    value = f"greatest(max({column}), {last})"
    taken = f"{called} OR coalesce(max({column}) >= {last}, false)"
    return (
        f"SELECT setval('{name}', {value}, {taken}) FROM {table} "  # noqa: S608
        f"HAVING ({value}, {taken}) < (SELECT last_value, is_called FROM {name})"
    )


def _has_a_table(model: Model, there: Collection[str]) -> bool:
    meta = model._meta
    return (
        meta.app_label != "workflows"
        and meta.managed
        and not meta.proxy
        and meta.db_table in there
        and router.allow_migrate_model(DEFAULT_DB_ALIAS, model)
    )


def _source(field: Any) -> Any:
    """Return the column that a foreign key's values come from, at the end of the chain."""
    while field.is_relation:
        field = field.target_field
    return field


def _key(model: Model, row: Row) -> tuple[Any, ...]:
    return tuple(row[str(field.column)] for field in model._meta.pk_fields)


def _sequences(all_models: Collection[Model]) -> Iterator[tuple[str, str, str]]:
    """Yield each sequence with the table and column that it serves."""
    quote = connection.ops.quote_name
    for model in all_models:
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.AutoField):
                table, column = quote(model._meta.db_table), quote(str(field.column))
                [[name]] = _query(f"SELECT pg_get_serial_sequence('{table}', '{field.column}')")
                if name is not None:
                    yield name, table, column


def _union(statements: Iterable[str]) -> str:
    return " UNION ALL ".join(statements)


def _query(sql: str) -> list[tuple[Any, ...]]:
    if not sql:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
