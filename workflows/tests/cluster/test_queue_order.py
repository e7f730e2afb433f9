"""In which order a cluster takes what is due, also after it has lost a worker."""

import os
import signal

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, completed, rows, wait_for, wait_for_state

pytestmark = pytest.mark.cluster

HOLDERS = "SELECT DISTINCT pid FROM lab_effect"


def test_what_is_urgent_goes_first_also_after_a_worker_was_killed(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    held = [start(flows.held, gate=str(gate), priority=-9) for _ in range(2)]
    wait_for(lambda: len(rows(HOLDERS)) == 2, "two busy workers", cluster.words)
    with transaction.atomic():
        usual = [start(flows.three_steps).id for _ in range(40)]
        urgent = [start(flows.three_steps, priority=5).id for _ in range(20)]

    os.kill(rows(HOLDERS)[0][0], signal.SIGKILL)  # its heir alone takes what is due
    wait_for(lambda: completed("lab.three_steps") == 60, "60 runs", cluster.words)
    gate.touch()
    for run in held:
        wait_for_state(run.id, RunState.COMPLETED, cluster)

    begun = dict(rows("SELECT id, started_at FROM workflows_run"))
    assert max(begun[run] for run in urgent) < min(begun[run] for run in usual)
    assert sorted(get_run(run.id).attempt for run in held) == [1, 2]
