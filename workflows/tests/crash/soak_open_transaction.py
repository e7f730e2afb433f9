"""For a minute a transaction is open that has sent events to 10 runs, while 200 others go on. Run by name:

python3 run.py test workflows/tests/crash/soak_open_transaction.py -n 0 -s
"""

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import send_event, start
from workflows.tests.builders import elsewhere
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, effects, rows, wait_for
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, said_by, wait_until_all_completed

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

TOUCHED, OTHERS, SECONDS = 10, 200, 60.0
TOOK = """
    SELECT percentile_disc(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
        ORDER BY extract(epoch FROM finished_at - created_at)::float8)
    FROM workflows_run WHERE workflow = 'lab.three_steps'
"""


def start_another() -> UUID:
    """Start a run outside of the open transaction."""
    return start(flows.three_steps).id


def test_an_open_transaction_delays_only_the_runs_it_touched(
    own_lab: Lab, postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    clusters = [own_lab.cluster(workers=4).wait_until_ready() for _ in range(2)]
    touched = [start(flows.many_steps, steps=8, seconds=0.5) for _ in range(TOUCHED)]
    wait_for(lambda: any(effects(run.id) for run in touched), "their steps")

    with transaction.atomic():
        until = time.monotonic() + SECONDS
        for run in touched:
            send_event(run.id, "news")
        for _ in range(OTHERS):
            elsewhere(start_another).result(10)
            time.sleep(SECONDS / OTHERS * 0.9)
        time.sleep(max(0.0, until - time.monotonic()))
    wait_until_all_completed(clusters, 60)

    middle, late, longest = rows(TOOK)[0][0]
    told = report(
        clusters,
        f"{TOUCHED} runs held for {SECONDS:g} s; others took p50 {middle:.2f} s, p99 {late:.2f} s, "
        f"max {longest:.2f} s",
    )
    record_property("figure", told)
    assert late < 5
    assert breaches() == {}
    assert "deadlock" not in postgres.words() + said_by(clusters)
