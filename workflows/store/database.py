"""One door to PostgreSQL for the hot statements: prepared, on Django's own connection.

Django's cursor binds parameters on the client and prepares nothing; a worker sends the same few
statements thousands of times. The cursor here belongs to the same connection and transaction.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

CHANNEL = "workflows_due"
"""NOTIFY on it says: a run is due now, or sooner than one poll away."""

PREPARE_THRESHOLD = 5
"""psycopg's own default; it lets `prepare=True` through. Django's client-side cursors are not
touched by it."""


def query(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows. Raises django.db.Error."""
    django = connections[DEFAULT_DB_ALIAS]  # once: every look through the proxy costs a search
    django.ensure_connection()
    django.validate_no_broken_transaction()
    raw = django.connection
    if raw.prepare_threshold is None:
        # Django's default, with which psycopg prepares nothing, not even on request.
        raw.prepare_threshold = PREPARE_THRESHOLD
    with django.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(sql, params, prepare=True)
        return cursor.fetchall()


def query_one(sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """Run one statement and return its first row, None when it has none."""
    rows = query(sql, params)
    return rows[0] if rows else None
