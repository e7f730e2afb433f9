"""The server: its settings, its sessions, its clock."""

from datetime import datetime
from typing import NamedTuple

from workflows.store.database import query
from workflows.store.statement import Statement

SETTINGS = (
    *("autovacuum", "default_transaction_isolation", "default_transaction_read_only", "fsync"),
    *("full_page_writes", "idle_in_transaction_session_timeout", "idle_session_timeout"),
    *("lock_timeout", "max_connections", "reserved_connections", "server_version_num"),
    *("statement_timeout", "superuser_reserved_connections", "synchronous_commit"),
    *("track_activities", "track_counts", "transaction_timeout"),
)
"""Those that matter here; some are unknown to older servers."""

_SETTINGS = Statement("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)")
_IN_RECOVERY = Statement("SELECT pg_is_in_recovery()")
_CLIENTS = Statement("SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database")
# Of a session of another role, whoever may not see it reads NULL as its state and times.
_HIDDEN = Statement(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query = '<insufficient privilege>'
    """
)
_TRANSACTIONS = Statement(
    """
    SELECT pid, coalesce(application_name, ''), coalesce(state, ''), coalesce(usename::text, ''),
           extract(epoch FROM clock_timestamp() - xact_start)::float8
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 1
    """
)
_PREPARED = Statement(
    """
    SELECT gid, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts
    WHERE database = current_database() ORDER BY prepared LIMIT 1
    """
)
_LOCKS = Statement(
    """
    SELECT pid, coalesce(application_name, ''), pg_blocking_pids(pid),
           extract(epoch FROM clock_timestamp() - state_change)::float8
    FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
    ORDER BY state_change LIMIT 20
    """
)
_CLOCK = Statement("SELECT clock_timestamp()")
_AGE = Statement("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")


class OpenTransaction(NamedTuple):
    """A transaction of another session."""

    pid: int
    name: str
    state: str
    user: str
    seconds: float


class LockWait(NamedTuple):
    """A session that waits for a lock."""

    pid: int
    name: str
    blockers: list[int]
    seconds: float


def load_settings() -> dict[str, str]:
    """Return the settings that matter, as this session has them. Times are milliseconds."""
    return dict(query(_SETTINGS, [list(SETTINGS)]))


def is_standby() -> bool:
    """Say whether the server only follows another."""
    [[standby]] = query(_IN_RECOVERY)
    return bool(standby)


def count_clients() -> int:
    """Count the sessions of clients, of all databases."""
    [[clients]] = query(_CLIENTS)
    return int(clients)


def count_hidden() -> int:
    """Count the sessions in this database of which only their being there may be seen."""
    [[hidden]] = query(_HIDDEN)
    return int(hidden)


def oldest_transaction() -> OpenTransaction | None:
    """Return the transaction of another session that has been open longest."""
    found = query(_TRANSACTIONS)
    return OpenTransaction(*found[0]) if found else None


def oldest_prepared() -> tuple[str, float] | None:
    """Return the name and the age of the transaction that was prepared first and not ended."""
    found = query(_PREPARED)
    return (found[0][0], found[0][1]) if found else None


def waiting_sessions() -> list[LockWait]:
    """Return who waits for a lock, the longest first."""
    return [LockWait(*row) for row in query(_LOCKS)]


def server_clock() -> datetime:
    """Return the server's time."""
    [[now]] = query(_CLOCK)
    found: datetime = now
    return found


def transaction_age() -> int:
    """Return how many transactions ago the database was frozen; at two thousand million it stops."""
    [[age]] = query(_AGE)
    return int(age)
