"""The server's faults: each is made, as far as a session can, and found."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from django.db import connection

from workflows.doctor import database
from workflows.doctor.finding import NotLookedAt, Severity, Trouble
from workflows.models import Worker
from workflows.store import at_work
from workflows.store.diagnosis import server
from workflows.tests.builders import PATIENCE_SECONDS, connected, elsewhere, until

pytestmark = pytest.mark.django_db


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def set_for_the_server(**settings: str) -> Iterator[None]:
    """Read these, which no session can set for itself."""
    with mock.patch.object(server, "load_settings", return_value=server.load_settings() | settings):
        yield


def test_an_old_server_is_an_error() -> None:
    assert list(database.version()) == []
    with set_for_the_server(server_version_num="140011"):
        [found] = database.version()

    assert (found.severity, found.sentence) == (Severity.ERROR, "the server is PostgreSQL 14")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_what_a_crash_of_the_server_loses_is_an_error(name: str) -> None:
    safe = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    with set_for_the_server(**safe | {name: "off"}):
        [found] = database.durability()

    assert found.severity == Severity.ERROR and f"{name} is off" in found.sentence


def test_commits_that_nobody_waits_for_are_a_warning() -> None:
    execute("SET LOCAL synchronous_commit = off")
    told = server.load_settings()

    with set_for_the_server(fsync="on", full_page_writes="on"):
        [found] = database.durability()

    assert told["synchronous_commit"] == "off"
    assert found.severity == Severity.WARNING and "synchronous_commit" in found.sentence


def test_a_database_that_takes_no_writes_is_an_error() -> None:
    assert list(database.writable()) == []
    execute("SET LOCAL default_transaction_read_only = on")
    with mock.patch.object(server, "is_standby", return_value=True):
        standby, read_only = database.writable()

    assert "standby" in standby.sentence and "read_only" in read_only.sentence
    assert not server.is_standby()


def test_another_isolation_is_a_warning() -> None:
    execute("SET LOCAL default_transaction_isolation = 'serializable'")

    [found] = database.isolation()

    assert "'serializable'" in found.sentence


@pytest.mark.parametrize(
    "name", ["idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout"]
)
def test_a_short_time_limit_of_the_server_is_a_warning(name: str) -> None:
    for each in (
        "idle_session_timeout",
        "idle_in_transaction_session_timeout",
        "statement_timeout",
    ):
        execute(f"SET LOCAL {each} = 0")
    assert list(database.timeouts()) == []
    execute(f"SET LOCAL {name} = '20s'")

    [found] = database.timeouts()

    assert found.sentence.startswith(f"{name} is 20 s")


def test_workers_that_want_more_connections_than_there_are_is_an_error() -> None:
    assert list(database.room_for_connections()) == []
    Worker.objects.all().delete()  # tests that commit leave theirs behind
    Worker.objects.create(host="here", pid=1, slots=4)
    lives = [each._replace(lives=True) for each in at_work.list_workers()]

    with (
        set_for_the_server(max_connections="8", superuser_reserved_connections="3"),
        mock.patch.object(at_work, "list_workers", return_value=lives),
    ):
        wanted, *_ = database.room_for_connections()

    assert wanted.severity == Severity.ERROR
    assert wanted.sentence == "the 1 workers may want 6 connections, and the server has 5"


def test_connections_that_are_nearly_gone_are_a_warning() -> None:
    with set_for_the_server(max_connections="4", superuser_reserved_connections="3"):
        [found] = database.room_for_connections()

    assert found.severity == Severity.WARNING and "of 1 connections are taken" in found.sentence


def test_no_autovacuum_and_a_database_that_was_long_not_frozen_are_errors() -> None:
    with set_for_the_server(autovacuum="off"), mock.patch.object(database, "OLD_AGE", -1):
        off, frozen = database.autovacuum()

    assert "autovacuum is off" in off.sentence
    assert "transactions ago" in frozen.sentence


def test_a_transaction_that_has_been_open_for_long_is_told_with_who_has_it() -> None:
    with connected() as own, own.transaction():
        own.execute("SELECT 1")
        with mock.patch.object(database, "LONG_TRANSACTION_SECONDS", -1.0):
            found, *_ = database.old_transactions()

    assert "pid " in found.sentence and "transaction open" in found.sentence
    assert "pg_terminate_backend" in found.advice


def test_a_prepared_transaction_is_an_error() -> None:
    old = ("left behind", 400.0)
    assert server.oldest_prepared() is None
    with (
        mock.patch.object(server, "oldest_prepared", return_value=old),
        mock.patch.object(server, "oldest_transaction", return_value=None),
    ):
        [found] = database.old_transactions()

    assert "'left behind'" in found.sentence and found.severity == Severity.ERROR


def test_a_session_that_waits_for_a_lock_is_told_with_who_holds_it() -> None:
    take = "SELECT pg_advisory_xact_lock(7, 7)"
    with connected() as waiter, connected() as holder:
        with holder.transaction():
            holder.execute(take)
            waiting = elsewhere(lambda: waiter.execute(take))
            with mock.patch.object(database, "LONG_LOCK_SECONDS", -1.0):
                found = until(lambda: _wait_of(waiter.info.backend_pid))
            by = holder.info.backend_pid
        waiting.result(PATIENCE_SECONDS)

    assert found is not None and f"held by {by}" in found.sentence


def _wait_of(pid: int) -> Trouble | None:
    execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees the sessions of its first look
    return next(
        (each for each in database.locks() if each.sentence.startswith(f"pid {pid} ")), None
    )


def test_sessions_that_may_not_be_seen_are_no_good_news() -> None:
    execute("CREATE ROLE doctors_nobody")
    with connected() as other:
        other.execute("SELECT 1")
        assert server.count_hidden() == 0
        execute("SET LOCAL ROLE doctors_nobody")
        execute("SELECT pg_stat_clear_snapshot()")
        for look in (database.locks, database.old_transactions):
            with pytest.raises(NotLookedAt, match="may not see"):
                list(look())
