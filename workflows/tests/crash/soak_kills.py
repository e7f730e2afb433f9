"""Sixty killed workers, stops, restarts and ends of whole clusters during 300 runs. Run by name:

python3 run.py test workflows/tests/crash/soak_kills.py -n 0 -s

SOAK_SEED chooses another order of faults.
"""

import os
from collections.abc import Callable

import pytest

from workflows.api import start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.nemesis import Nemesis
from workflows.tests.crash.reporting import report, wait_until_all_completed

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

RUNS, STEP_SECONDS = 300, 0.5
SEED = int(os.environ.get("SOAK_SEED", "1"))
PATIENCE_SECONDS = 180.0
PLAN = {
    "kill_worker": 60,
    "stop_worker": 8,
    "stop_pusher": 3,
    "kill_pusher": 2,
    "kill_sentinel": 3,
    "kill_cluster": 1,
    "kill_both_clusters": 1,
    "restart_postgres": 3,
    "freeze_postgres": 2,
}


def test_sixty_kills_and_more_lose_double_and_block_nothing(
    own_lab: Lab, postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    nemesis = Nemesis(own_lab, postgres, seed=SEED, workers=4).ready()
    for number in range(RUNS):
        start(flows.many_steps, steps=3 + number % 3, seconds=STEP_SECONDS)

    nemesis.act(PLAN, pauses_seconds=(0.3, 1.7))
    nemesis.rest()
    wait_until_all_completed(own_lab.clusters, PATIENCE_SECONDS)

    told = report(own_lab.clusters, dict(nemesis.done))
    deadlocks = postgres.words().count("deadlock detected")
    record_property("figure", f"{told}, deadlocks: {deadlocks}")
    assert breaches() == {}
    assert deadlocks == 0
