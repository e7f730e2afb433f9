"""Which step is under way, on which host and in which process: known without a commit of its own."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from workflows.api import (
    HistoryKind,
    RunState,
    StepState,
    StepView,
    get_history,
    get_run,
    list_steps,
    start,
)
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, effects, rows, wait_for, wait_for_state

pytestmark = [pytest.mark.cluster, pytest.mark.crash]


def of_kind(run_id: UUID, kind: HistoryKind) -> list[dict[str, Any]]:
    """Return the data of the run's lines of this kind."""
    return [entry.data for entry in get_history(run_id) if entry.kind == kind]


def told(run_id: UUID, name: str) -> StepView:
    """Return the run's step of this name."""
    [step] = [step for step in list_steps(run_id) if step.name == name]
    return step


def test_a_step_that_kills_at_once_is_named(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=3).wait_until_ready()

    run = start(flows.silent_poison)

    wait_for_state(run.id, RunState.BLOCKED, cluster)
    host, killed = socket.gethostname(), cluster.everybody()
    recovered, [blocked] = (
        of_kind(run.id, HistoryKind.RECOVERED),
        of_kind(run.id, HistoryKind.BLOCKED),
    )
    for line in [*recovered, blocked]:
        [seen] = line["steps"]
        assert (seen["name"], seen["position"], seen["attempt"]) == ("die_in_silence", 2, 1)
        assert seen["host"] == host
        assert seen["pid"] in killed
    begins = "its process died, in step 'die_in_silence' (position 2, attempt 1, begun "
    assert [line["reason"].startswith(begins) for line in recovered] == [True, True]
    error = get_run(run.id).error
    assert error is not None
    assert f"the last one because {begins}" in error["message"]
    assert f"on host {host}, pid {blocked['steps'][0]['pid']}); find out" in error["message"]
    step = told(run.id, "die_in_silence")
    assert (step.state, step.attempts, step.lost) == (StepState.WAITING, 0, 3)
    assert (step.host, step.pid) == (host, blocked["steps"][0]["pid"])


def test_a_step_under_way_is_told(lab: Lab) -> None:
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    run = start(flows.held, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    [(pid, began)] = rows("SELECT pid, at FROM lab_effect")

    wait_for(lambda: told(run.id, "slow_effect").pid is not None, "the pusher", cluster.words)
    step = told(run.id, "slow_effect")
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert (step.state, step.attempts, step.lost) == (StepState.RUNNING, 0, 0)
    assert (step.host, step.pid) == (socket.gethostname(), pid)
    assert step.running_since is not None
    assert abs(step.running_since - began) < timedelta(seconds=1)
    done = told(run.id, "slow_effect")
    assert (done.state, done.running_since, done.host) == (StepState.COMPLETED, None, "")
    assert datetime.now(UTC) - step.running_since < timedelta(seconds=60)


def test_of_two_clusters_on_a_host_the_worker_s_own_names_the_step(lab: Lab) -> None:
    first = lab.cluster(max_crashes=4).wait_until_ready()
    lab.cluster(max_crashes=4).wait_until_ready()

    run = start(flows.silent_poison)

    wait_for_state(run.id, RunState.BLOCKED, first)
    lines = of_kind(run.id, HistoryKind.RECOVERED) + of_kind(run.id, HistoryKind.BLOCKED)
    assert [len(line.get("steps", [])) for line in lines] == [1, 1, 1, 1]
