"""What the engine's tests are made of: runs, leases, second connections."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from unittest import mock
from uuid import UUID, uuid4

import psycopg
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from workflows.api import HistoryKind, RunState, RunView, get_history, get_run, start
from workflows.conf import conf
from workflows.core.run import ClaimedRun, Fact, NewRun
from workflows.core.signature import Input
from workflows.models import Run
from workflows.store.children import start_child
from workflows.store.database import Connection
from workflows.store.queue import claim_run
from workflows.store.sweep import sweep
from workflows.store.workers import open_connection
from workflows.testing import drive_until_idle

R = TypeVar("R")

END_OWN_SESSION = "SELECT pg_terminate_backend(pg_backend_pid())"
"""The statement fails, and every one after it on the same connection."""

LEASE_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
"""Longer than anything here takes; a test that waits so long fails."""


def claim(*, worker_id: int | None = None) -> ClaimedRun:
    """Claim the run that has been due longest; there must be one."""
    run = claim_run(worker_id=worker_id, lease_seconds=LEASE_SECONDS)
    assert run is not None, "no run is due"
    return run


def started_and_claimed(workflow: Any, **given: Any) -> ClaimedRun:
    """Start a run and claim it."""
    view = start(workflow, **given)
    run = claim()
    assert run.id == view.id, "another run was due"
    return run


def driven(workflow: Any, **given: Any) -> RunView:
    """Start a run, drive it as far as it goes, and return it."""
    view = start(workflow, **given)
    drive_until_idle()
    return get_run(view.id)


def expire_lease(run_id: UUID) -> None:
    """Let the lease of a run have run out."""
    Run.objects.filter(pk=run_id).update(lease_until=Now() - timedelta(seconds=1))


def give_to_another(run: ClaimedRun) -> ClaimedRun:
    """Let another worker claim the run; the holder is a zombie from now on."""
    Run.objects.filter(pk=run.id).update(state=RunState.PENDING, wake_at=F("created_at"))
    again = claim()
    assert again.id == run.id
    return again


def swept(*, max_crashes: int = 5) -> list[tuple[UUID, str, RunState]]:
    """Sweep up after the dead, on a connection of its own."""
    with connected() as own:
        judged = sweep(own, max_crashes=max_crashes, longest_pause_seconds=0)
        return [(run.id, run.workflow, run.state) for run in judged]


@contextmanager
def connected() -> Iterator[Connection]:
    """Open a second connection to the test database. It fails where it would wait for ever."""
    own = open_connection(conf().direct_database)
    own.execute("SET lock_timeout = '5s'")
    try:
        yield own
    finally:
        own.close()


def kinds(run_id: UUID) -> list[HistoryKind]:
    """Return the kinds of the run's history, oldest first."""
    return [entry.kind for entry in get_history(run_id)]


def row(run_id: UUID) -> dict[str, Any]:
    """Return every column of a run."""
    return dict(Run.objects.filter(pk=run_id).values().get())


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Collect every statement that psycopg sends, the hot ones too."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counting(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *args, **kwargs)

    with mock.patch.object(psycopg.Cursor, "execute", counting):
        yield sent


def elsewhere(function: Callable[[], R]) -> "Future[R]":
    """Call the function in another thread, which has a database connection of its own."""

    def call() -> R:
        try:
            return function()
        finally:
            connection.close()

    with_one_thread = ThreadPoolExecutor(1)
    future = with_one_thread.submit(call)
    with_one_thread.shutdown(wait=False)
    return future


def until(condition: Callable[[], R]) -> R:
    """Wait until the condition holds, and return what it returned."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
    return found


def somebody_waits_for_a_lock() -> bool:
    """Say whether a session of this database is blocked by another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees one otherwise
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def start_a_child(run: ClaimedRun) -> object:
    """Write the start of a child at the first position of a held run."""
    return start_child(
        run,
        Fact(kind=HistoryKind.CHILD_STARTED, position=1, name="tests.wait"),
        new_run("tests.wait"),
    )


def new_run(workflow: str = "tests.made", **values: Any) -> NewRun:
    """Return a run about to be created, with values of one's own."""
    return NewRun(
        **{"id": uuid4(), "version": 1, "input": Input("{}"), **values, "workflow": workflow}
    )


def run_sql(sql: str) -> None:
    """Send a statement on this thread's connection, as it stands."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def end_session(pid: int) -> None:
    """Cut the connection of a session of the database."""
    run_sql(f"SELECT pg_terminate_backend({pid:d}, 5000)")
