"""Who a worker process is."""

import os
import socket
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from workflows.api import RunState, start
from workflows.cluster import worker_identity
from workflows.cluster.worker_identity import LONGEST_NAME, introduce, place, session_name
from workflows.tests.builders import elsewhere
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, is_pooled, rows, wait_for_state


@pytest.fixture(autouse=True)
def found_anew() -> Iterator[None]:
    """Forget the place before and after each test."""
    place.cache_clear()
    yield
    place.cache_clear()


def test_a_place_is_a_boot_of_a_host_and_a_space_of_pids() -> None:
    boot, pids = place().split()

    assert len(boot) == 36
    assert pids.startswith("pid:[")


def test_a_system_without_proc_goes_by_the_name_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_identity, "_BOOT_ID", worker_identity._PIDS / "none")

    assert place() == socket.gethostname()


def test_a_name_tells_process_and_host_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "wörker" * 20)
    worker_identity._session_name.cache_clear()

    name = session_name()

    worker_identity._session_name.cache_clear()
    assert name.isascii()
    assert len(name) == LONGEST_NAME
    assert f" {os.getpid()}@w?rker" in name


def test_a_forked_process_has_a_name_of_its_own() -> None:
    ours, (end, other) = session_name(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(other, session_name().encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(end, 100).decode() not in ("", ours)


@pytest.mark.usefixtures("lab")
def test_a_session_that_django_opens_is_introduced() -> None:
    def opened() -> str:
        introduce(connection=connections["default"])
        with connection.cursor() as cursor:
            cursor.execute("SHOW application_name")
            return str(cursor.fetchone()[0])

    def in_a_session() -> str:
        connection.ensure_connection()
        return opened()

    assert elsewhere(in_a_session).result(10) == session_name()


def test_the_sessions_of_a_worker_are_found_by_the_name_in_its_row(lab: Lab) -> None:
    if is_pooled():
        pytest.skip("no session of a pooler's bears a name (test_pgbouncer.py)")
    cluster = lab.cluster(workers=1).wait_until_ready()
    by_name = """
        SELECT count(*) FROM pg_stat_activity JOIN workflows_worker ON session_name = application_name
        WHERE datname = current_database()
    """
    run = start(flows.three_steps)

    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert rows(by_name) == [(1,)]
