"""Steps that hold the interpreter's lock: no thread of their worker runs, no limit interrupts them."""

import os
import signal
from typing import Any

import pytest

from workflows.api import HistoryKind, RunState, Workflow, get_history, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Lab,
    effects,
    is_alive,
    most_crashes,
    rows,
    wait_for,
    wait_for_state,
)

pytestmark = [pytest.mark.cluster, pytest.mark.crash]


def test_a_step_that_holds_the_interpreter_beyond_the_lease_keeps_its_run(lab: Lab) -> None:
    cluster = lab.cluster(workers=3, lease_seconds=1, max_crashes=2).wait_until_ready()

    run = start(flows.keeps_the_interpreter, seconds=5)

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    assert effects(run.id) == ["keep"]
    assert [entry.kind for entry in get_history(run.id)] == [
        HistoryKind.STEP_COMPLETED,
        HistoryKind.RUN_COMPLETED,
    ]


def test_a_stopped_worker_in_such_a_step_loses_its_run(lab: Lab) -> None:
    cluster = lab.cluster(lease_seconds=1).wait_until_ready()
    run = start(flows.keeps_the_interpreter, seconds=3)
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    [(pid,)] = rows("SELECT pid FROM lab_effect")

    os.kill(pid, signal.SIGSTOP)

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    recovered = get_history(run.id)[0]
    assert recovered.kind == HistoryKind.RECOVERED
    assert recovered.data["reason"].startswith(
        "its lease ran out, in step 'keep_the_interpreter' (position 1,"
    )
    assert len(effects(run.id)) == 2
    assert is_alive(pid)


@pytest.mark.parametrize(
    "workflow",
    [flows.never_comes_back, flows.branch_never_comes_back, flows.loop_never_comes_back],
    ids=["step", "branch", "async step"],
)
def test_a_step_that_outlives_its_limit_and_cannot_be_stopped_is_a_failed_attempt_and_no_crash(
    lab: Lab, workflow: Workflow[..., Any]
) -> None:
    cluster = lab.cluster(max_crashes=1).wait_until_ready()

    run = start(workflow)

    wait_for_state(run.id, RunState.COMPLETED, cluster)
    told = get_run(run.id).output
    assert "the step ran longer than its limit of 1 s; it could not be interrupted" in told
    assert effects(run.id).count("wait") == 2
    assert most_crashes(run.id) == 0
    kinds = [entry.kind for entry in get_history(run.id)]
    assert kinds.count(HistoryKind.RECOVERED) == 2
    assert kinds.count(HistoryKind.ATTEMPT_FAILED) == 1
    assert kinds.count(HistoryKind.STEP_FAILED) == 1
