"""Two schemas of one database are two queues."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workflows.store.database import Connection, query
from workflows.store.schema import CHANNEL, LIVING, LOCK_CLASS, PUBLIC_CHANNEL, RING, listen
from workflows.store.statement import Statement
from workflows.store.sweep import sweep
from workflows.store.workers import enlist
from workflows.tests.builders import connected, row
from workflows.tests.store.worker_rows import dead_worker, held_by, living_worker

pytestmark = pytest.mark.usefixtures("committed")

TABLES = ("workflows_run", "workflows_history", "workflows_event", "workflows_worker")


@pytest.fixture
def second() -> Iterator[str]:
    """Return a schema with the engine's tables beside those of `public`."""
    with connected() as own:
        own.execute("CREATE SCHEMA second")
        for table in TABLES:
            own.execute(f"CREATE TABLE second.{table} (LIKE public.{table} INCLUDING ALL)".encode())
        yield "second"
        own.execute("DROP SCHEMA second CASCADE")


@contextmanager
def within(schema: str) -> Iterator[Connection]:
    with connected() as own:
        own.execute(f"SET search_path TO {schema}".encode())
        yield own


def asked(own: Connection, sql: str) -> object:
    [[answer]] = query(Statement(f"SELECT {sql}"), on=own)
    return answer


def test_the_names_of_public_are_those_that_older_releases_know() -> None:
    with connected() as own:
        assert (asked(own, LOCK_CLASS), asked(own, CHANNEL)) == (20817, "workflows_due")


def test_what_stands_before_public_on_the_search_path_makes_no_other_queue() -> None:
    with connected() as own:
        own.execute("CREATE SCHEMA empty")
        own.execute("SET search_path TO empty, public")
        found = asked(own, LOCK_CLASS), asked(own, CHANNEL)
        own.execute("DROP SCHEMA empty")

    assert found == (20817, "workflows_due")


def test_a_worker_of_another_schema_under_the_same_id_keeps_nobody_alive(second: str) -> None:
    lost = dead_worker()
    run = held_by(lost)

    with within(second) as other, connected() as own:
        while enlist(other, host="here", pid=1) < lost:
            pass
        living = query(Statement(LIVING), on=own)
        sweep(own, max_crashes=5)

        assert (lost,) in query(Statement(LIVING), on=other)

    assert (lost,) not in living
    assert row(run.id)["state"] == "pending"


def test_an_id_whose_lock_is_taken_is_passed_over() -> None:
    with living_worker() as before, connected() as stranger, connected() as own:
        stranger.execute(f"SELECT pg_advisory_lock(20817, {before + 1:d})".encode())

        assert enlist(own, host="here", pid=1) == before + 2

        known = query(Statement("SELECT id FROM workflows_worker ORDER BY id"), on=own)
    assert (before + 1,) not in known


def heard(own: Connection) -> list[str]:
    own.execute("SELECT 1")
    return [notify.channel for notify in own.notifies(timeout=0.1)]


def test_each_schema_has_a_bell_of_its_own(second: str) -> None:
    with connected() as of_public, within(second) as of_second, within(second) as ringing:
        listen(of_public)
        listen(of_second)

        asked(ringing, RING)

        [channel] = heard(of_second)
        assert channel != PUBLIC_CHANNEL
        assert heard(of_public) == []


def test_the_bell_of_a_childs_end_is_heard_in_every_schema(second: str) -> None:
    with within(second) as of_second, connected() as ringing:
        listen(of_second)

        ringing.execute(f"NOTIFY {PUBLIC_CHANNEL}".encode())

        assert heard(of_second) == [PUBLIC_CHANNEL]
