"""Lists with filters, and many starts, where a million runs are; call it by its name (RUNS=1000000 is the default):

python3 run.py test workflows/tests/cluster/soak_million.py -n 0 -s

It prints a line for each list: how long it took, the slowest of three, and the indexes that it went by.
"""

import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from workflows.api import RunState, list_runs, start_many
from workflows.tests.cluster.lab import Lab
from workflows.tests.flows import greet_once

pytestmark = [pytest.mark.cluster]

RUNS = int(os.environ.get("RUNS", "1000000"))
MOST_SECONDS = 3.0
MANY = 10_000
FILL = f"""
    INSERT INTO workflows_run (id, workflow, version, state, status, input, finished_at, created_at,
                               key, owner, subject, tenant, tags, attributes, error)
    SELECT gen_random_uuid(), 'tests.old_' || n % 5, 1,
           CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'completed' END, '', '{{"name": "Ann"}}',
           now() - interval '60 days' + n * interval '1 second',
           now() - interval '60 days' + n * interval '1 second',
           CASE WHEN n % 2 = 0 THEN 'key-' || n END,
           CASE WHEN n % 2 = 0 THEN 'owner-' || n % 1000 ELSE '' END,
           CASE WHEN n % 2 = 0 THEN 'order:' || n ELSE '' END,
           CASE WHEN n % 2 = 0 THEN 'tenant-' || n % 50 ELSE '' END,
           CASE WHEN n % 2 = 0 THEN ARRAY['even', 'tag-' || n % 1000] ELSE '{{}}' END,
           CASE WHEN n % 10 = 0 THEN jsonb_build_object('shop', n % 1000) ELSE '{{}}' END,
           CASE WHEN n % 100 = 0 THEN
               '{{"type": "builtins.ValueError", "message": "no luck", "kind": "system"}}'::jsonb END
    FROM generate_series(1, {RUNS}) AS n;
"""
LISTS: dict[str, dict[str, Any]] = {
    "the newest": {},
    "a workflow": {"workflow": "tests.old_3"},
    "failed": {"state": RunState.FAILED},
    "a failed one's workflow": {"state": RunState.FAILED, "workflow": "tests.old_0"},
    "a key": {"key": "key-1000"},
    "an owner": {"owner": "owner-500"},
    "a subject": {"subject": "order:2000"},
    "a tag of half of all": {"tags": ["even"]},
    "a tag of few": {"tags": ["tag-500"]},
    "two tags": {"tags": ["even", "tag-500"]},
    "a tag and an owner": {"tags": ["tag-500"], "owner": "owner-500"},
    "an owner without any": {"owner": "nobody"},
    "a tag without any": {"tags": ["nothing"]},
    "an attribute": {"attributes": {"shop": 500}},
    "an error's text": {"error": "no luck"},
    "an error that nobody has": {"error": "no such luck"},
    "a kind of error": {"error_kind": "system"},
    "a tenant": {"tenant": "tenant-4"},
    "before a day": {"created_before": datetime(2020, 1, 1, tzinfo=UTC)},
}


def test_lists_and_many_starts_at_a_million(lab: Lab) -> None:
    with connection.cursor() as cursor:
        began = time.monotonic()
        cursor.execute(FILL)
        cursor.execute("VACUUM ANALYZE workflows_run")
    sys.stdout.write(f"\n{RUNS:,} runs, filled in {time.monotonic() - began:.0f} s\n")
    for name, wanted in LISTS.items():
        sys.stdout.write(f"{name}: {told(wanted)}\n")

    began = time.monotonic()
    start_many(greet_once, [{"name": "Ann"}] * MANY)
    took = time.monotonic() - began

    sys.stdout.write(f"{MANY:,} started at once: {took:.1f} s\n")
    assert took <= MOST_SECONDS


def told(wanted: dict[str, Any]) -> str:
    """Return how long a page of these takes, and by what it is found."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = list_runs(**wanted)
        times.append(1000 * (time.perf_counter() - began))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        list_runs(**wanted)
    [query] = queries.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    scans = re.findall(r"Seq Scan on workflows_run\b|\brun_\w+(?= on workflows_run|  \()", plan)
    return f"{len(found)} in {max(times):.1f} ms; {', '.join(dict.fromkeys(scans))}"
