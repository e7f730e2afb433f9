"""Starts beside a prune of many runs, call it by its name (RUNS=200000 is the default):

python3 run.py test workflows/tests/cluster/soak_prune.py -n 0 -s

A cluster drives what is started meanwhile. SECONDS=120 ends the prune after so long: a million takes an hour.

It prints a table: the time of a start before and during, and how long the deletion of one run takes
with and without the index on events.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from workflows.api import start
from workflows.models import Run
from workflows.tests.cluster.flows import three_steps
from workflows.tests.cluster.lab import ROOT, Lab, completed, database_url

pytestmark = [pytest.mark.cluster]

RUNS = int(os.environ.get("RUNS", "200000"))
SECONDS = float(os.environ.get("SECONDS", "inf"))
LINES = int(os.environ.get("LINES", "5"))
EVENTS = int(os.environ.get("EVENTS", "2"))
BETWEEN_STARTS_SECONDS = 0.005
TURN_SECONDS = 3.0
MOST_TIMES_SLOWER = 2.0
FILL = f"""
    INSERT INTO workflows_run (id, workflow, version, state, status, input, finished_at, created_at, key)
    SELECT gen_random_uuid(), 'tests.old_' || n % 5, 1, 'completed', '', '{{"name": "Ann"}}',
           now() - interval '60 days' + n * interval '1 second', now() - interval '60 days',
           CASE WHEN n % 2 = 0 THEN 'key-' || n END
    FROM generate_series(1, {RUNS}) AS n;
    INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt)
    SELECT id, line, 0, 'step_completed', 'greet', '{{"output": "Hello, Ann"}}', 1
    FROM workflows_run, generate_series(1, {LINES}) AS line;
    INSERT INTO workflows_event (run_id, name, payload, position)
    SELECT id, 'go', '1', line FROM workflows_run, generate_series(1, {EVENTS}) AS line;
"""


def test_starts_go_on_beside_a_prune(lab: Lab) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL)
    vacuum()
    with_index, without = (
        seconds_of_a_deletion(""),
        seconds_of_a_deletion("DROP INDEX event_run_idx"),
    )

    cluster = lab.cluster().wait_until_ready()
    prune, calm, busy, took = prune_beside(), [], [], 0.0
    while prune.poll() is None and took < SECONDS:
        began = time.monotonic()
        busy += starts_for(TURN_SECONDS)
        took += time.monotonic() - began
        with standing_still(prune):
            calm += starts_for(TURN_SECONDS)

    finished = prune.poll() is not None
    prune.terminate()
    prune.wait()
    left = Run.objects.filter(workflow__startswith="tests.old").count()
    assert not finished or (prune.returncode, left) == (0, 0)
    driven = completed("lab.three_steps")
    cluster.stop()
    sys.stdout.write(
        f"\n{RUNS:,} runs: {with_index * 1000:.2f} ms to delete one, without the index "
        f"{without * 1000:.1f} ms; {RUNS - left:,} pruned in {took:.0f} s, "
        f"{(RUNS - left) / took:,.0f} a second, {driven:,} runs driven beside it\n"
        f"starts while it stands still: {told(calm)}; while it prunes: {told(busy)}\n"
    )
    assert percentile(busy, 0.99) <= MOST_TIMES_SLOWER * percentile(calm, 0.99)


def vacuum() -> None:
    """Let the planner know what is there."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE workflows_run, workflows_history, workflows_event")


def seconds_of_a_deletion(before: str, runs: int = 5) -> float:
    """Return how long it takes to delete a run; all of it is rolled back."""
    chosen = list(Run.objects.values_list("id", flat=True)[:runs])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL workflows.pruning = 'on'; {before}")
        began = time.monotonic()
        for table, column in (("history", "run_id"), ("event", "run_id"), ("run", "id")):
            cursor.execute(f"DELETE FROM workflows_{table} WHERE {column} = ANY(%s)", [chosen])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        took = (time.monotonic() - began) / runs
        transaction.set_rollback(True)
    return took


def prune_beside() -> "subprocess.Popen[bytes]":
    """Start the command in a process of its own."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "toolsite.tests.settings",
    }
    command = [sys.executable, "manage.py", "workflows_prune", "--older-than", "1h"]
    return subprocess.Popen(command, cwd=ROOT, env=env)


@contextmanager
def standing_still(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Let a process stand still: what else the machine does changes from minute to minute."""
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


def starts_for(seconds: float) -> list[float]:
    """Start runs at a steady pace; return how long each start took."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        start(three_steps)
        found.append(time.perf_counter() - began)
        time.sleep(BETWEEN_STARTS_SECONDS)
    return found


def told(seconds: list[float]) -> str:
    """Return the middle and the slow of these times."""
    p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
    return f"{len(seconds):,}, p50 {p50:.2f} ms, p99 {p99:.2f} ms"


def percentile(seconds: list[float], share: float) -> float:
    """Return the time that so many stay below."""
    return sorted(seconds)[int(len(seconds) * share)]
