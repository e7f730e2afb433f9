"""What a lost worker has left open is ended; nobody else's session is."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections
from django.db.models.functions import Now
from psycopg.errors import InsufficientPrivilege

from workflows.core.run import ClaimedRun
from workflows.models import Worker
from workflows.store.database import Connection
from workflows.store.lost_sessions import end_sessions_named, end_sessions_of_lost
from workflows.store.sessions import introduce
from workflows.store.workers import enlist
from workflows.tests.builders import claim, connected, expire_lease, swept
from workflows.tests.store.worker_rows import held_by

pytestmark = pytest.mark.usefixtures("committed")

NAME = "workflows 0a1b2c3d 1@here"
LOCK_ROW = "SELECT FROM workflows_run WHERE id = %s FOR NO KEY UPDATE"


@contextmanager
def silent_worker() -> Iterator[tuple[int, ClaimedRun, Connection]]:
    """A worker that holds its lock and a run, and renews no lease; with the session of its drives."""
    with connected() as shows_life, connected() as session:
        worker_id = enlist(shows_life, host="here", pid=1, session_name=NAME)
        introduce(session, NAME)
        run = held_by(worker_id)
        expire_lease(run.id)
        yield worker_id, run, session


def is_open(session: Connection) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def ended(*lost: int) -> int:
    with connected() as own:
        return end_sessions_of_lost(own, lost)


def test_the_sessions_of_a_worker_whose_run_was_taken_are_ended() -> None:
    with silent_worker() as (worker_id, _, session), connected() as other:
        introduce(other, "workflows 99999999 1@here")
        swept()

        assert ended(worker_id) == 1

        assert not is_open(session)
        assert is_open(other)


def test_a_worker_that_has_gone_on_with_another_run_keeps_its_sessions() -> None:
    with silent_worker() as (worker_id, _, session):
        swept()
        claim(worker_id=worker_id)

        assert ended(worker_id) == 0
        assert is_open(session)


def test_a_silent_worker_that_has_locked_its_own_run_is_ended_and_the_run_taken() -> None:
    with silent_worker() as (_, run, session):
        session.autocommit = False
        session.execute(LOCK_ROW, [run.id])
        before = swept()

        assert (before, ended()) == ([], 1)

        assert [run_id for run_id, _, _ in swept()] == [run.id]


def test_a_worker_whose_run_somebody_else_has_locked_keeps_its_sessions() -> None:
    """It cannot renew the lease either, but it lives."""
    with silent_worker() as (_, run, session), connected() as sender, sender.transaction():
        sender.execute(LOCK_ROW, [run.id])
        session.autocommit = False
        session.execute("SELECT pg_current_xact_id()")

        assert ended() == 0
        assert is_open(session)


def test_workers_without_a_name_for_their_sessions_lose_none() -> None:
    with silent_worker() as (worker_id, _, session), connected() as nameless:
        Worker.objects.update(session_name="")
        nameless.execute("SET application_name = ''")
        swept()

        assert ended(worker_id) == 0
        assert is_open(session)
        assert is_open(nameless)


def test_what_is_left_of_the_dead_is_ended_by_name_unless_the_name_lives() -> None:
    with silent_worker() as (_, _, session), connected() as own, connected() as left:
        introduce(left, "workflows of the dead")

        assert end_sessions_named(own, {NAME, "workflows of the dead", ""}) == 1

        assert is_open(session)
        assert not is_open(left)


def test_without_the_right_it_is_told() -> None:
    with silent_worker() as (worker_id, _, session), connected() as own:
        swept()
        Worker.objects.update(started_at=Now())
        own.execute("DROP ROLE IF EXISTS lab_pusher")
        own.execute("CREATE ROLE lab_pusher")
        own.execute("GRANT SELECT ON workflows_run, workflows_worker TO lab_pusher")
        own.execute("SET ROLE lab_pusher")
        try:
            with pytest.raises(InsufficientPrivilege):
                end_sessions_of_lost(own, [worker_id])
        finally:
            own.execute("RESET ROLE")
            own.execute("DROP OWNED BY lab_pusher")
            own.execute("DROP ROLE lab_pusher")
        assert is_open(session)


def test_a_session_of_that_name_in_another_database_is_left() -> None:
    params = connections["default"].get_connection_params()
    wanted = {name: params[name] for name in ("host", "port", "user", "password") if name in params}
    with (
        silent_worker() as (worker_id, _, session),
        psycopg.connect(**wanted, dbname="postgres", autocommit=True) as other,
    ):
        introduce(other, NAME)
        swept()

        assert ended(worker_id) == 1
        assert not is_open(session)
        assert is_open(other)
