"""Older code beside a newer database: in a deploy, the release before goes on for a while."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

# It never inserts into tables that it does not know.
NEEDED = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_name = ANY(%s) AND table_schema = current_schema()
      AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
"""
FIRST_RELEASE = {
    "workflows_run": {"id", "workflow", "version", "state", "status", "input"},
    "workflows_history": {"run_id", "kind", "data", "attempt"},
    "workflows_event": {"run_id", "name", "payload"},
    "workflows_worker": {"host", "pid"},
}
"""What its statements give whenever they insert. It knows no column that is not here."""


def test_whoever_does_not_know_a_column_can_insert_without_it() -> None:
    needed: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(NEEDED, [list(FIRST_RELEASE)])
        for table, column in cursor.fetchall():
            needed.setdefault(table, set()).add(column)

    assert needed == FIRST_RELEASE
