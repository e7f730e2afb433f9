"""The tables: what must be there besides rows, and what autovacuum has left."""

from typing import NamedTuple

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from workflows.store.database import query
from workflows.store.statement import Statement

TRIGGERS = frozenset(
    {
        ("workflows_event", "event_answered"),
        ("workflows_history", "history_append_only"),
        ("workflows_limitwait", "limit_wait_begins"),
        ("workflows_limitwait", "limit_wait_changes"),
        ("workflows_run", "child_ended"),
        ("workflows_run", "chunks_go_along"),
        ("workflows_run", "pruned_key_refused"),
        ("workflows_run", "run_key_free"),
        ("workflows_run", "run_limits"),
        ("workflows_run", "run_moves"),
        ("workflows_run", "run_paused"),
        ("workflows_run", "run_waited_for"),
    }
)
"""Table and name of every trigger that migrations make; a test compares."""

_OURS = "(SELECT oid FROM pg_class WHERE oid = ANY(%(tables)s::regclass[]))"
_TRIGGERS = Statement(
    f"""
    SELECT tgrelid::regclass::text, tgname, tgenabled IN ('O', 'A') FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid IN {_OURS}
    """
)
_INDEXES = Statement(
    f"""
    SELECT relname, indisvalid AND indisready FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid IN {_OURS}
    """
)
_CONSTRAINTS = Statement(
    f"SELECT conname, convalidated FROM pg_constraint WHERE conrelid IN {_OURS}"
)
_ROWS = Statement(
    f"""
    SELECT relname, n_live_tup, n_dead_tup,
           coalesce(greatest(last_autovacuum, last_vacuum)::text, ''),
           greatest(last_autoanalyze, last_analyze) IS NOT NULL
    FROM pg_stat_user_tables WHERE relid IN {_OURS} ORDER BY n_dead_tup DESC
    """
)


class Part(NamedTuple):
    """Something of a table: a trigger, an index, a constraint."""

    name: str
    works: bool
    """It is enabled, or valid."""


class TableRows(NamedTuple):
    """What PostgreSQL believes of a table's rows."""

    table: str
    live: int
    dead: int
    vacuumed_at: str
    """"" for never."""
    analyzed: bool


def missing_migrations() -> list[str]:
    """Return the engine's migrations that were not run, in their order."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    targets = [each for each in executor.loader.graph.leaf_nodes() if each[0] == "workflows"]
    return [migration.name for migration, _ in executor.migration_plan(targets)]


def find_triggers() -> dict[tuple[str, str], bool]:
    """Return the triggers of the engine's tables, and whether they are enabled."""
    found = query(_TRIGGERS, _tables())
    return {(table.rpartition(".")[2], name): enabled for table, name, enabled in found}


def find_indexes() -> list[Part]:
    """Return the indexes of the engine's tables."""
    return [Part(*row) for row in query(_INDEXES, _tables())]


def find_constraints() -> list[Part]:
    """Return the constraints of the engine's tables."""
    return [Part(*row) for row in query(_CONSTRAINTS, _tables())]


def table_rows() -> list[TableRows]:
    """Return how many rows live and are dead, the most dead first."""
    return [TableRows(*row) for row in query(_ROWS, _tables())]


def declared_parts() -> set[str]:
    """Return the names of the indexes and constraints that the models declare."""
    return {
        part.name
        for model in apps.get_app_config("workflows").get_models()
        for part in (*model._meta.indexes, *model._meta.constraints)
    }


def _tables() -> dict[str, list[str]]:
    models = apps.get_app_config("workflows").get_models()
    return {"tables": [model._meta.db_table for model in models]}
