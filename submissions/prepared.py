"""A cursor whose statements PostgreSQL plans once for each connection.

Django's own binds parameters on the client, so that each of its statements is planned anew. That
takes longer than running one that finds few rows by an index.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

AFTER_USES = 5
"""psycopg prepares what a connection has sent so often; that is its own default. Django sets none,
which is never; its client-side cursors are not touched by it."""


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """Yield a cursor of Django's connection and transaction for a statement that is sent often."""
    with connection.cursor() as cursor:
        raw = connection.connection
        if raw.prepare_threshold is None:
            raw.prepare_threshold = AFTER_USES
        # Of the same kind: tests count what goes through it.
        with type(cursor)(psycopg.Cursor(raw), connection) as on_the_server:
            yield on_the_server
