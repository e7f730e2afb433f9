"""Steps that hold the interpreter's lock for 40 s, leases of 15 s, two clusters. Run by name:

python3 run.py test workflows/tests/crash/soak_interpreter.py -n 0 -s
"""

import itertools
import re
import time

import pytest

from workflows.api import StepState, get_run, list_steps, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, effects, most_crashes, wait_for
from workflows.tests.cluster.postgres import Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, wait_until_all_completed

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

SECONDS = 40
PATIENCE_SECONDS = 240.0


def length_for(seconds: float) -> int:
    """Return how many letters take the expression so long; each doubles the time."""
    for length in itertools.count(18):
        began = time.perf_counter()
        re.match("(a+)+$", "a" * length + "b")
        took = time.perf_counter() - began
        if took > 0.5:
            return length + next(n for n in itertools.count() if took * 2**n >= seconds)
    raise AssertionError


def test_forty_seconds_with_the_interpreters_lock(own_lab: Lab, postgres: Postgres) -> None:
    clusters = [own_lab.cluster(workers=3, lease_seconds=15).wait_until_ready() for _ in range(2)]
    length = length_for(SECONDS)

    free = start(flows.matches, length=length)
    wait_for(lambda: effects(free.id), "the step to begin")
    time.sleep(2.5)
    [seen] = list_steps(free.id)
    limited = [
        start(flows.matches_within_limits, length=length),
        start(flows.keeps_within_limits, seconds=SECONDS),
    ]
    wait_until_all_completed(clusters, PATIENCE_SECONDS)

    print(seen, *(get_run(run.id).output for run in limited), sep="\n")  # noqa: T201
    report(clusters, f"{SECONDS} s in C, a step that took {get_run(free.id)}")
    assert seen.state == StepState.RUNNING
    assert seen.pid is not None
    assert effects(free.id) == ["match"]
    assert [effects(run.id) for run in limited] == [["match"] * 2, ["keep"] * 2]
    assert [most_crashes(run.id) for run in (free, *limited)] == [0, 0, 0]
    assert breaches() == {}
    assert postgres.words().count("deadlock detected") == 0
