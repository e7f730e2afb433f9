"""The one place that sends: every statement of the engine goes through `query`.

On Django's connection they are prepared: Django's own cursor binds parameters on the client and
prepares nothing, and a worker sends the same few statements thousands of times. The cursor here
belongs to the same connection and transaction. `on` names another connection instead, one of the
engine's own (store/workers.py, open_connection).

A statement that is a transaction of its own is repeated where others were in its way: so the engine
needs no isolation level, and minds none that the database is set to.

Tests hang in here: `intercepted` sees every statement and may refuse it, `set_clock` lets the
engine's time go ahead. Both are asked at each statement, so that it does not matter when or under
which name somebody has imported `query`.
"""

from asyncio import _get_running_loop
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from psycopg.pq import TransactionStatus

from workflows.store.kept_cursor import MOST_ROWS, cursor_on, forget_cursor
from workflows.store.statement import Statement

Connection = psycopg.Connection[tuple[Any, ...]]
Params = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]
Send = Callable[[Statement, Params, Connection | None], Rows]
Interceptor = Callable[[Send, Statement, Params, Connection | None], Rows]
"""Called instead of sending; its first argument sends."""

PREPARE_THRESHOLD = 5
"""psycopg's own default; it lets `prepare=True` through. Django's client-side cursors are not
touched by it."""


MOST_REPEATS = 100
"""Each time somebody else has got on; so many in a row are a fault of another kind."""


def query(statement: Statement, params: Params = (), *, on: Connection | None = None) -> Rows:
    """Send one statement and return its rows, none where it returns nothing.

    Raises django.db.Error; on a connection of the engine's own, psycopg.Error.
    """
    return _send(statement, params, on)


def query_one(
    statement: Statement, params: Params = (), *, on: Connection | None = None
) -> tuple[Any, ...] | None:
    """Send one statement and return its first row, None when it has none."""
    rows = _send(statement, params, on)
    return rows[0] if rows else None


@contextmanager
def transaction_on(own: Connection | None) -> Iterator[None]:
    """Let what is sent inside the block be one transaction, on a connection of the engine's own or, with
    None, on Django's."""
    if own is not None and own.info.transaction_status == TransactionStatus.IDLE:
        # Whatever the database is set to: above it, who comes second to a row would fail.
        own.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    with transaction.atomic() if own is None else own.transaction():
        yield


@contextmanager
def intercepted(by: Interceptor) -> Iterator[None]:
    """Let every statement of this process go through an interceptor inside the block."""
    global _send
    inner, _send = _send, partial(by, _send)
    try:
        yield
    finally:
        _send = inner


def set_clock(ahead: Callable[[], timedelta] | None) -> None:
    """Let the engine's time be that of a clock so far ahead; None: the server's own again."""
    global _ahead
    _ahead = ahead


def _deliver(statement: Statement, params: Params, on: Connection | None) -> Rows:
    sql = statement.text
    if _ahead is not None and statement.tells_time:
        sql = statement.ahead_by(_ahead())
    for _ in range(MOST_REPEATS):
        try:
            return _on_django(sql, params) if on is None else _on_own(on, sql, params)
        except (OperationalError, psycopg.errors.SerializationFailure) as exc:
            if not _may_be_repeated(exc, on):
                raise
    return _on_django(sql, params) if on is None else _on_own(on, sql, params)


def _may_be_repeated(error: Exception, on: Connection | None) -> bool:
    """Whether it was a conflict with others, in no transaction but the statement's own. Above read
    committed, PostgreSQL leaves the second try to the client."""
    told = error.__cause__ if on is None else error
    raw = connections[DEFAULT_DB_ALIAS].connection if on is None else on
    return (
        isinstance(told, psycopg.errors.SerializationFailure)
        and raw is not None
        and raw.info.transaction_status == TransactionStatus.IDLE
    )


def _on_django(sql: str, params: Params) -> Rows:
    django = connections[DEFAULT_DB_ALIAS]  # once: every look through the proxy costs a search
    if django.health_check_enabled:  # type: ignore[attr-defined]
        django.close_if_health_check_failed()  # as Django's own cursor does: CONN_HEALTH_CHECKS
    if django.connection is None or _get_running_loop() is not None:
        django.ensure_connection()  # which refuses an event loop
    if django.needs_rollback:
        django.validate_no_broken_transaction()
    raw = django.connection
    if raw.prepare_threshold is None and "prepare_threshold" not in django.settings_dict["OPTIONS"]:
        # Django's default, with which psycopg prepares nothing, not even on request. Said in OPTIONS,
        # None is meant: before PostgreSQL stands a pooler that cannot bear it.
        raw.prepare_threshold = PREPARE_THRESHOLD
    try:
        with django.wrap_database_errors:
            rows = _rows(cursor_on(raw).execute(sql, params, prepare=True))
    except BaseException:
        forget_cursor()  # interrupted, it may be in the middle of anything
        raise
    if len(rows) > MOST_ROWS:
        forget_cursor()
    return rows


def _on_own(own: Connection, sql: str, params: Params) -> Rows:
    with psycopg.Cursor(own) as cursor:
        cursor.execute(sql, params)
        return _rows(cursor)


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Rows:
    returns_rows = cursor.rownumber is not None
    return cursor.fetchall() if returns_rows else []


_send: Send = _deliver
_ahead: Callable[[], timedelta] | None = None
