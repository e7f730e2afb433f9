"""Take the database away from a cluster in every way; it waits, comes back, and loses nothing."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from workflows.api import HistoryKind, RunState, get_history, get_run, send_event, start
from workflows.tests.builders import connected
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    most_crashes,
    past_the_pooler,
    rows,
    wait_for,
    wait_for_state,
)
from workflows.tests.cluster.postgres import FAST, IMMEDIATE, Postgres, migrate
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

Record = Callable[[str, object], None]
UNANSWERED = "the database does not answer, waiting"
TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_dropped_connections_lose_and_repeat_nothing(lab: Lab, record_property: Record) -> None:
    cluster = lab.cluster().wait_until_ready()
    workers = cluster.pids("worker")
    runs = [start(flows.many_steps, steps=20) for _ in range(40)]

    dropped = 0
    with past_the_pooler():
        for milestone in range(50, 800, 50):
            wait_for(lambda: lines() >= milestone, "progress", cluster.words)  # noqa: B023
            dropped += int(rows(TERMINATE)[0][0])
        for run in runs:
            wait_for_state(run.id, RunState.COMPLETED, cluster)

    crashes = sum(most_crashes(run.id) for run in runs)
    record_property(
        "figure", f"connections dropped in drives: {dropped}, counted as crashes: {crashes}"
    )
    assert breaches() == {}
    assert cluster.pids("worker") == workers
    assert rows("SELECT count(*) FROM django_q_task") == [(0,)]


def test_a_drive_that_lost_its_connection_hands_the_run_on_without_counting_a_crash(
    lab: Lab,
) -> None:
    cluster = lab.cluster(max_crashes=2)

    run = start(flows.cut)

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    assert effects(run.id) == ["cut"] * 4
    assert most_crashes(run.id) == 0
    assert get_run(run.id).attempt == 4


def test_what_the_database_refuses_for_a_while_is_tried_again_without_a_rush(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()

    with renamed("workflows_history", "name"):
        run = start(flows.three_steps)
        wait_for(lambda: get_run(run.id).attempt == 2, "another try", cluster.words)
        refused = "the database refused a statement of the drive"
        wait_for(lambda: refused in cluster.words(), "a word about it", cluster.words)

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    after = get_run(run.id)
    assert after.attempt <= 4
    assert effects(run.id) == ["a", "a", "b", "c"]
    assert most_crashes(after.id) == 0
    assert cluster.words().count(refused) <= cluster.workers
    assert breaches() == {}


def test_a_database_above_read_committed_stops_nobody(lab: Lab) -> None:
    with serializable():
        cluster = lab.cluster(workers=4).wait_until_ready()
        runs = [start(flows.three_steps) for _ in range(20)]
        waiting = [start(flows.waits_long) for _ in range(20)]

        for run in waiting:
            send_event(run.id, "word", "hello")

        for run in runs + waiting:
            wait_for_state(run.id, RunState.COMPLETED, cluster)
    assert "refused" not in cluster.words()
    assert "could not serialize" not in cluster.words()


@contextlib.contextmanager
def serializable() -> Iterator[None]:
    """Let the transactions of new sessions be serializable unless they say otherwise; also of a pooler's,
    which takes no `options` of its clients."""
    level = (
        f'ALTER DATABASE "{connection.settings_dict["NAME"]}" {{}} default_transaction_isolation'
    )
    connection.close()
    with connected() as own:
        own.execute(f"{level.format('SET')} = 'serializable'")
        own.execute(TERMINATE)
        try:
            yield
        finally:
            own.execute(level.format("RESET"))
            connection.close()


@contextlib.contextmanager
def renamed(table: str, column: str) -> Iterator[None]:
    """Let the table have another name for a column, as if code and migrations did not fit."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME {column} TO of_tomorrow")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME of_tomorrow TO {column}")


def lines() -> int:
    """Count what has happened so far."""
    return int(rows("SELECT count(*) FROM workflows_history")[0][0])


def test_a_drive_whose_sign_of_life_is_cut_keeps_its_run(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    run = start(flows.held_atomic, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)

    [[before]] = rows("SELECT worker_id FROM workflows_run")
    rows(f"{TERMINATE} AND application_name = 'workflows'")
    taken_back = f"SELECT worker_id > {before} FROM workflows_run"
    wait_for(lambda: rows(taken_back) == [(True,)], "the worker's new id", cluster.words)
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert effects(run.id) == ["slow was tried", "slow", "quick"]
    assert get_run(run.id).attempt == 1
    assert breaches() == {}
    cluster.wait_until_ready()


def test_an_idle_cluster_shows_again_that_it_lives(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    ids = rows("SELECT max(id) FROM workflows_worker")

    with past_the_pooler():
        rows(TERMINATE)

        newer = "SELECT max(id) FROM workflows_worker"
        wait_for(lambda: rows(newer) > ids, "new ids", cluster.words)
        cluster.wait_until_ready()


@pytest.mark.parametrize("how", [FAST, IMMEDIATE], ids=["fast", "immediate"])
def test_a_restart_of_postgresql_loses_nothing(
    own_lab: Lab, postgres: Postgres, record_property: Record, how: int
) -> None:
    cluster = own_lab.cluster().wait_until_ready()
    everybody = cluster.pids()
    runs = [start(flows.many_steps, steps=20) for _ in range(40)]
    wait_for(lambda: lines() > 200, "work to begin", cluster.words)

    restart(postgres, how)
    back = now()

    for run in runs:
        wait_for_state(run.id, RunState.COMPLETED, cluster)
    [(after,)] = rows("SELECT min(at) FROM workflows_history WHERE at >= %s AND position > 0", back)
    record_property(
        "figure", f"database back to first step: {(after - back).total_seconds():.2f} s"
    )
    assert (after - back).total_seconds() < 2
    assert cluster.pids() == everybody
    assert breaches() == {}
    assert cluster.words().count(UNANSWERED) == 1
    assert "Traceback" not in cluster.words()


def restart(postgres: Postgres, how: int) -> None:
    """Stop the server and start it."""
    connection.close()
    postgres.stop(how)
    postgres.start()


def now() -> datetime:
    """Return the database's time."""
    moment: datetime = rows("SELECT clock_timestamp()")[0][0]
    return moment


def test_a_restart_in_a_long_step_is_no_crash_of_the_run(own_lab: Lab, postgres: Postgres) -> None:
    cluster = own_lab.cluster(workers=4, max_crashes=2).wait_until_ready()
    gate = own_lab.gate()
    run = start(flows.held, gate=str(gate))

    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    for _ in range(3):
        [[before]] = rows("SELECT worker_id FROM workflows_run")
        restart(postgres, FAST)
        held_anew = f"SELECT worker_id > {before} FROM workflows_run"
        wait_for(lambda: rows(held_anew) == [(True,)], "a worker's new id", cluster.words)  # noqa: B023
    gate.touch()

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    assert most_crashes(run.id) == 0
    assert HistoryKind.BLOCKED not in [entry.kind for entry in get_history(run.id)]


def test_a_cluster_waits_for_a_database_that_is_away_at_its_start(
    own_lab: Lab, postgres: Postgres, record_property: Record
) -> None:
    run = start(flows.three_steps)
    connection.close()
    postgres.stop()
    cluster = own_lab.cluster()
    wait_for(lambda: UNANSWERED in cluster.words(), "a word about it", cluster.words)

    postgres.start()
    back = now()

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    began = get_run(run.id).started_at
    assert began is not None
    took = max(0.0, (began - back).total_seconds())
    record_property("figure", f"database there at last to first run: {took:.2f} s")
    assert took < 2
    assert cluster.words().count(UNANSWERED) == 1
    assert "Traceback" not in cluster.words()


def test_a_database_that_hangs_is_told_with_what_waits_for_it_and_since_when(
    own_lab: Lab, postgres: Postgres
) -> None:
    cluster = own_lab.cluster().wait_until_ready()
    run = start(flows.three_steps)
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    with postgres.frozen():
        wait_for(lambda: "has not answered for" in cluster.words(), "a word", cluster.words)
    wait_for(lambda: "answers again" in cluster.words(), "its return", cluster.words)
    after = start(flows.three_steps)
    wait_for_state(after.id, RunState.COMPLETED, cluster)

    assert re.search(
        r"ERROR workflows.cluster: the database has not answered for \d s: "
        r"(a look at the queue|a connection|the chore '[a-z ]+') waits for it since \d{4}-",
        cluster.words(),
    )


def test_a_cluster_stops_while_the_database_is_away(own_lab: Lab, postgres: Postgres) -> None:
    cluster = own_lab.cluster().wait_until_ready()
    connection.close()
    postgres.stop()
    wait_for(lambda: UNANSWERED in cluster.words(), "a word about it", cluster.words)

    took = cluster.stop()
    postgres.start()

    assert took < 10
    assert cluster.main.returncode == 0


def test_a_cluster_without_its_tables_says_so_and_serves_once_they_are_there(
    postgres: Postgres, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> None:
    name = "test_without_tables"
    postgres.make_database(name)
    with django_db_blocker.unblock(), postgres.used(name):
        lab = Lab(tmp_path)
        cluster = lab.cluster()
        try:
            wait_for(lambda: "run `manage.py migrate`" in cluster.words(), "a word", cluster.words)

            migrate()
            lab.prepare()

            run = start(flows.three_steps)
            wait_for_state(run.id, RunState.COMPLETED, cluster)
            assert said_in_a_line(cluster)
        finally:
            lab.close()


def said_in_a_line(cluster: Cluster) -> bool:
    """Whether it said once what was wrong, without a traceback."""
    said = cluster.words()
    return said.count("manage.py migrate") == 1 and "Traceback" not in said
