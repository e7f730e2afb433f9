"""The overview, charts and the counting where a million runs are; call it by its name (RUNS=1000000 is the default):

python3 run.py test workflows/tests/cluster/soak_overview.py -n 0 -s

A third of the runs wait for an event, some thousand are due, sleep, have failed or are paused. It prints how long each took, the
slowest of five, and of each statement whether it read the table of runs as a whole.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from prometheus_client.exposition import generate_latest

from workflows.api import Span, load_charts, load_overview
from workflows.cluster.statistics import Count
from workflows.core.figures import Counted, Figure, Figures, Grain, Place, Subject, span_of
from workflows.metrics.registry import registry_of
from workflows.models import StatisticMark
from workflows.store import counting
from workflows.store import overview as store
from workflows.store.missing_code import list_missing_code
from workflows.store.statistics import add_figures, load_ever
from workflows.tests.builders import connected
from workflows.tests.cluster.lab import Lab

pytestmark = [pytest.mark.cluster]

RUNS = int(os.environ.get("RUNS", "1000000"))
FILL = f"""
    INSERT INTO workflows_run (id, workflow, version, state, status, input, attempt, wake_at, waiting_for,
                               finished_at, created_at, error)
    SELECT gen_random_uuid(), 'tests.old_' || n % 20, 1, state, '', '{{}}', 1,
           CASE WHEN state = 'pending' THEN now() - n * interval '1 millisecond'
                WHEN n % 100 = 3 THEN now() + interval '1 day' END,
           CASE WHEN state = 'waiting' AND n % 100 <> 3 THEN ARRAY['go'] ELSE '{{}}' END,
           CASE WHEN state IN ('completed', 'failed') THEN now() - n * interval '10 milliseconds' END,
           now() - interval '1 day' + n * interval '10 milliseconds',
           CASE WHEN state IN ('failed', 'blocked') THEN
               '{{"type": "ValueError", "message": "no luck", "kind": "system"}}'::jsonb END
    FROM (SELECT n, CASE WHEN n % 3 = 0 THEN 'waiting' WHEN n % 100 = 1 THEN 'failed'
                         WHEN n % 100 = 2 THEN 'pending' WHEN n % 100 = 3 THEN 'waiting'
                         WHEN n % 100 = 4 THEN 'paused' WHEN n % 100 = 5 THEN 'blocked'
                         ELSE 'completed' END AS state
          FROM generate_series(1, {RUNS}) AS n) AS numbered
"""
LINES = """
    INSERT INTO workflows_history (run_id, position, kind, name, data, attempt, at)
    SELECT id, 1, CASE WHEN wake_at IS NULL THEN 'step_completed' ELSE 'sleep_started' END, 'step', '{"output": 1, "seconds": 0.1}', 1, now()
    FROM workflows_run
"""


def test_overview_charts_and_counting_at_a_million(lab: Lab) -> None:
    with connection.cursor() as cursor:
        for sql in (
            FILL,
            LINES,
            "VACUUM ANALYZE workflows_run",
            "VACUUM ANALYZE workflows_history",
        ):
            cursor.execute(sql)
    add_figures(figures_of_a_month())
    sys.stdout.write(f"\n{RUNS:,} runs\n")
    took = timed("load_overview()", load_overview)
    for name, part in PARTS.items():
        timed(f"  {name}", part)
    for span in Span:
        timed(f"load_charts({span.value!r})", partial(load_charts, span))
    timed("GET /metrics", lambda: generate_latest(registry_of()))
    sys.stdout.write(f"{load_overview().waiting}\n")
    for statement in (store._DUE, store._WAITING, store._SET_ASIDE, store._FAILED, store._BLOCKED):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement.text.replace('%%', '%')}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "Seq Scan on workflows_run" not in plan, plan
    with connected() as own:
        Count()(own)
        StatisticMark.objects.update(line_id=0)
        count, batches = Count(), list[float]()
        needed_before = processor_seconds(own.info.backend_pid)
        while sum(batches) < 20 and len(batches) < 50:
            before = time.perf_counter()
            count(own)
            batches.append(time.perf_counter() - before)
            if StatisticMark.objects.get().next_line_id is None and len(batches) > 2:
                break
        needed = processor_seconds(own.info.backend_pid) - needed_before
        sys.stdout.write(
            f"{counting.BATCH} lines counted in {1000 * max(batches):.1f} ms at most, "
            f"{1000 * sum(batches) / len(batches):.1f} ms on average, "
            f"{1000 * needed / len(batches):.0f} of a processor\n"
        )
    assert took <= 1.0


PARTS: dict[str, Callable[[], object]] = {
    "due": store.load_due,
    "waiting": store.load_waiting,
    "set aside": store.load_set_aside,
    "failed": store.load_failed,
    "blocked": store.load_blocked,
    "workers": store.load_workers,
    "missing code": list_missing_code,
    "figures": load_ever,
}


def timed(name: str, do: Callable[[], object]) -> float:
    """Say how long it takes and which processor time it needs, here and in PostgreSQL; the best of five, in seconds."""
    do()
    times, needed = [], []
    for _ in range(5):
        began, needed_before = time.perf_counter(), processor_seconds(backend())
        do()
        times.append(time.perf_counter() - began)
        needed.append(processor_seconds(backend()) - needed_before)
    sys.stdout.write(
        f"{name}: {1000 * max(times):.1f} ms, {1000 * min(times):.1f} at best, "
        f"{1000 * sum(needed) / len(needed):.0f} of a processor\n"
    )
    return min(times)


def backend() -> int:
    """Return the process of Django's session."""
    return int(connection.connection.info.backend_pid)


def processor_seconds(pid: int) -> float:
    """Return what this process and PostgreSQL's have needed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures_of_a_month() -> Figures:
    """Twenty workflows, with three steps each."""
    subjects = [
        Subject(what, f"tests.old_{number}", 1, name)
        for number in range(20)
        for what, name in (
            (Counted.STARTED, ""), (Counted.ENDED, "completed"), (Counted.CLAIMED, ""), (Counted.STEP, "a"),
            (Counted.STEP, "b"), (Counted.STEP, "c"),
        )
    ]  # fmt: skip
    now = datetime.now(UTC)
    spans = [
        (grain, now - timedelta(seconds=grain * ago))
        for grain in Grain
        for ago in range(1 if grain == Grain.EVER else 180)
    ]
    return {
        Place(grain, span_of(grain, at), subject): Figure(10, 5.0, [0, 0, 1, 2, 3, 2, 1, 1])
        for grain, at in spans
        for subject in subjects
    }
