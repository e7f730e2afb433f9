"""Faults of the tables: each is made in a transaction, or by many dead rows, and found."""

from unittest import mock

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from workflows.api import start
from workflows.doctor import schema
from workflows.doctor.finding import NotLookedAt, Severity
from workflows.models import Run
from workflows.store.diagnosis import tables
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_database_as_migrations_make_it_is_well() -> None:
    assert list(schema.migrations()) == []
    assert list(schema.triggers()) == []
    assert list(schema.indexes()) == []


def test_the_triggers_that_are_looked_for_are_those_that_migrations_make() -> None:
    assert set(tables.find_triggers()) == tables.TRIGGERS


def test_a_migration_that_has_not_run_is_an_error() -> None:
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in recorder.applied_migrations() if app == "workflows")
    recorder.record_unapplied("workflows", newest)

    [found] = schema.migrations()

    assert found.severity == Severity.ERROR and newest in found.sentence


def test_a_trigger_that_is_missing_or_disabled_is_an_error() -> None:
    execute("DROP TRIGGER run_moves ON workflows_run")
    execute("ALTER TABLE workflows_history DISABLE TRIGGER history_append_only")

    missing, disabled = schema.triggers()

    assert missing.sentence == "the trigger run_moves of workflows_run is missing"
    assert disabled.sentence == "the trigger history_append_only of workflows_history is disabled"
    assert "ENABLE TRIGGER history_append_only" in disabled.advice


def test_an_index_or_constraint_that_is_missing_is_an_error() -> None:
    execute("DROP INDEX run_due_idx")
    execute("ALTER TABLE workflows_run DROP CONSTRAINT run_state_known")

    due, known = schema.indexes()

    assert due.sentence == "the index or constraint run_due_idx is missing"
    assert known.sentence == "the index or constraint run_state_known is missing"


def test_an_index_that_is_invalid_is_an_error() -> None:
    execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'run_newest_idx'::regclass")

    [found] = schema.indexes()

    assert "run_newest_idx is invalid" in found.sentence
    assert found.advice == "REINDEX INDEX CONCURRENTLY run_newest_idx."


def test_a_constraint_that_was_never_checked_is_a_warning() -> None:
    execute("ALTER TABLE workflows_run DROP CONSTRAINT run_state_known")
    execute(
        "ALTER TABLE workflows_run ADD CONSTRAINT run_state_known CHECK (state <> '') NOT VALID"
    )

    [found] = schema.indexes()

    assert found.severity == Severity.WARNING and "run_state_known" in found.sentence


def test_dead_rows_and_tables_without_statistics_are_warnings() -> None:
    few = tables.TableRows("workflows_run", 10, 9, "2026-11-01", True)
    many = few._replace(dead=900_000, analyzed=False, live=20_000, vacuumed_at="")
    assert [each.table for each in tables.table_rows()]
    with mock.patch.object(tables, "table_rows", return_value=[few, many]):
        dead, unknown = schema.dead_rows()

    assert "900,000 dead rows beside 20,000 living ones (never vacuumed)" in dead.sentence
    assert "never analyzed" in unknown.sentence


@pytest.mark.usefixtures("committed")
def test_dead_rows_are_counted_as_the_server_does() -> None:
    run = start(greet_once, name="Ann")
    before = {each.table: each.dead for each in tables.table_rows()}["workflows_run"]
    for _ in range(5):
        Run.objects.filter(pk=run.id).update(priority=1)

    execute("SELECT pg_stat_force_next_flush()")

    after = {each.table: each.dead for each in tables.table_rows()}["workflows_run"]
    assert after > before


def test_where_nobody_counts_rows_nothing_is_called_well() -> None:
    execute("SET LOCAL track_counts = off")

    with pytest.raises(NotLookedAt, match="track_counts"):
        list(schema.dead_rows())
