"""Parents of 600 busy children are cancelled 25 times while clusters drive them. Run by name:

python3 run.py test workflows/tests/crash/soak_cancels.py -n 0 -s
"""

import random
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from workflows.api import cancel, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, rows, wait_for
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, said_by

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

CANCELS, CHILDREN = 25, 600
STARTED = "SELECT count(*) FROM workflows_run WHERE parent_id = %s"
ENDED = f"{STARTED} AND state = 'completed'"
OPEN = "SELECT count(*) FROM workflows_run WHERE state NOT IN ('completed', 'cancelled')"


def cancelled_among(run_id: UUID, started: int, ended: int, words: Callable[[], str]) -> float:
    """Cancel the parent once so many children are there or over; return how long the call took."""
    wait_for(lambda: rows(STARTED, run_id)[0][0] >= started, "children", words)
    wait_for(lambda: rows(ENDED, run_id)[0][0] >= ended, "busy children", words)
    began = time.monotonic()
    assert cancel(run_id, reason="enough", by="alice")
    return time.monotonic() - began


def test_no_cancel_of_a_busy_family_deadlocks(
    own_lab: Lab, postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    clusters = [own_lab.cluster(workers=4).wait_until_ready() for _ in range(2)]
    chance, took = random.Random(1), []

    def words() -> str:
        return said_by(clusters)

    for number in range(CANCELS):
        parent = start(flows.fan, count=CHILDREN, seconds=0.02 if number % 3 else 0)
        there = CHILDREN if number % 2 else chance.randrange(CHILDREN)
        took.append(cancelled_among(parent.id, there, chance.randrange(100), words))
        wait_for(lambda: rows(OPEN) == [(0,)], "the end of all", words)

    deadlocks = postgres.words().count("deadlock detected")
    told = report(clusters, f"{CANCELS} cancels, the longest {max(took):.2f} s")
    record_property("figure", f"{told}, deadlocks: {deadlocks}")
    assert deadlocks == 0
    assert "deadlock" not in words()
    assert breaches() == {}
