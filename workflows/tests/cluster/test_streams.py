"""What a step emits outlives its worker; the next worker's attempt begins anew."""

import os
import signal

import pytest

from workflows.api import RunState, get_run, read_stream, start
from workflows.testing import stream_of
from workflows.tests.cluster import pools
from workflows.tests.cluster.lab import Lab, rows, wait_for

pytestmark = pytest.mark.cluster


def test_a_reader_hears_a_killed_worker_and_the_one_that_goes_on(lab: Lab) -> None:
    cluster = lab.cluster(lease_seconds=60).wait_until_ready()
    gate = lab.gate()
    run = start(pools.talking, gate=str(gate))
    stream = iter(read_stream(run, timeout_seconds=60))

    before = [next(stream) for _ in range(3)]
    [[worker]] = rows(
        "SELECT pid FROM workflows_worker WHERE id = (SELECT worker_id FROM workflows_run)"
    )
    os.kill(worker, signal.SIGKILL)
    behind = [next(stream) for _ in range(3)]
    gate.touch()
    last = list(stream)

    assert [each.value for each in before + behind + last] == [0, 1, 2, 0, 1, 2, "done"]
    assert [each.number for each in before + behind + last] == [1, 2, 3, 1, 2, 3, 4]
    assert stream_of(run) == [0, 1, 2, "done"]
    wait_for(lambda: get_run(run.id).state == RunState.COMPLETED, "the end", cluster.words)
