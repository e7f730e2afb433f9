"""A worker that is frozen past its lease and thaws writes nothing."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from workflows.api import HistoryKind, RunState, Workflow, get_history, get_run, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, effects, is_pooled, rows, wait_for, wait_for_state
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

Record = Callable[[str, object], None]


def keep_their_sessions() -> None:
    """Let nobody find the workers' sessions, as behind a pooler: a zombie's is not ended then."""
    rows("UPDATE workflows_worker SET session_name = '' RETURNING id")


def pid_in_step(run_id: UUID) -> int:
    """Return the process that began the run's step first."""
    [(pid,)] = rows("SELECT pid FROM lab_effect WHERE run_id = %s ORDER BY id LIMIT 1", run_id)
    return int(pid)


@pytest.mark.parametrize(
    ("workflow", "left"),
    [
        (flows.held_atomic, ["slow was tried", "slow was tried", "slow", "quick"]),
        (flows.held, ["slow 0", "slow 0"]),
    ],
    ids=["atomic", "plain"],
)
def test_a_thawed_worker_writes_nothing(
    lab: Lab, workflow: Workflow[..., Any], left: list[str]
) -> None:
    cluster = lab.cluster(lease_seconds=1).wait_until_ready()
    gate = lab.gate()
    run = start(workflow, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    frozen = pid_in_step(run.id)
    keep_their_sessions()

    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: len(effects(run.id)) == 2, "another worker", cluster.words)
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)
    before = get_history(run.id)
    os.kill(frozen, signal.SIGCONT)
    wait_for(
        lambda: f"{run.id}: attempt 1 lost its lease and wrote nothing more" in cluster.words(),
        "the zombie to give up",
        cluster.words,
    )

    assert get_history(run.id) == before
    assert effects(run.id) == left
    assert get_run(run.id).attempt == 2
    assert breaches() == {}


@pytest.mark.parametrize(
    ("workflow", "left"),
    [
        (flows.held_atomic, ["slow was tried", "slow was tried", "slow", "quick"]),
        (flows.held, ["slow 0", "slow 0"]),
    ],
    ids=["atomic", "plain"],
)
def test_a_thawed_worker_writes_nothing_while_another_is_at_the_same_step(
    lab: Lab, workflow: Workflow[..., Any], left: list[str]
) -> None:
    cluster = lab.cluster(lease_seconds=1).wait_until_ready()
    gate = lab.gate()
    run = start(workflow, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    frozen = pid_in_step(run.id)
    keep_their_sessions()
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: len(effects(run.id)) == 2, "another worker", cluster.words)

    os.kill(frozen, signal.SIGCONT)
    Path(f"{gate}.{frozen}").touch()
    wait_for(
        lambda: f"{run.id}: attempt 1 lost its lease and wrote nothing more" in cluster.words(),
        "the zombie to give up",
        cluster.words,
    )
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    outcomes = [entry for entry in get_history(run.id) if entry.kind == HistoryKind.STEP_COMPLETED]
    by_attempt = rows("SELECT DISTINCT attempt FROM workflows_history WHERE position IS NOT NULL")
    assert (len(outcomes), by_attempt) == (len(get_run(run.id).output), [(2,)])
    assert effects(run.id) == left
    assert breaches() == {}


def test_nobody_waits_for_the_locks_of_a_frozen_worker(lab: Lab, record_property: Record) -> None:
    if is_pooled():
        pytest.skip("behind a pooler idle_transaction_timeout frees them (test_pgbouncer.py)")
    cluster = lab.cluster(lease_seconds=1).wait_until_ready()
    gate = lab.gate()
    rows("INSERT INTO lab_effect (name, key) VALUES ('the row of all', '') RETURNING id")
    run = start(flows.locking, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)
    frozen, began = pid_in_step(run.id), time.monotonic()

    os.kill(frozen, signal.SIGSTOP)
    try:
        wait_for(lambda: len(effects(run.id)) == 2, "another worker", cluster.words, seconds=20)
        took = time.monotonic() - began
        gate.touch()
        wait_for_state(run.id, RunState.COMPLETED, cluster)
    finally:
        os.kill(frozen, signal.SIGCONT)
    wait_for(lambda: len(cluster.living()) == 2, "the thawed worker", cluster.words)

    record_property("figure", f"frozen, lease of 1 s, to lock taken over: {took:.1f} s")
    assert took < 6
    assert effects(run.id) == ["has the row", "has the row"]
    assert get_run(run.id).attempt == 2
    assert cluster.pids("worker").count(frozen) == 1
    assert breaches() == {}


@pytest.mark.parametrize("workflow", [flows.held, flows.held_atomic], ids=["plain", "atomic"])
def test_a_living_worker_keeps_its_lease_for_as_long_as_a_step_takes(
    lab: Lab, workflow: Workflow[..., Any]
) -> None:
    cluster = lab.cluster(lease_seconds=1).wait_until_ready()
    gate = lab.gate()
    run = start(workflow, gate=str(gate))
    wait_for(lambda: effects(run.id), "the step to begin", cluster.words)

    three_leases = "SELECT clock_timestamp() > started_at + interval '3 seconds' FROM workflows_run"
    wait_for(lambda: rows(three_leases) == [(True,)], "three leases to pass", cluster.words)
    gate.touch()
    wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert HistoryKind.RECOVERED not in [entry.kind for entry in get_history(run.id)]
    assert effects(run.id) in (["slow 0"], ["slow was tried", "slow", "quick"])
