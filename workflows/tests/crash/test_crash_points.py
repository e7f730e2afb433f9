"""Kill a worker before and after each write of each kind of workflow; the run must not notice."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, send_event, start
from workflows.tests.cluster import crash_points, flows
from workflows.tests.cluster.lab import Lab, effects, rows
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.points import POINTS, recoveries, wait_until_over

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

WORKFLOWS = [
    flows.three_steps,
    flows.atomic_steps,
    flows.waits,
    flows.retries,
    flows.sleeps,
    flows.cancelled,
    flows.labelled,
    flows.blocked,
]
TIMES = (1, 2)

COMPLETED, CANCELLED, BLOCKED = RunState.COMPLETED, RunState.CANCELLED, RunState.BLOCKED
OUTCOMES: dict[Callable[..., Any], tuple[RunState, Any, list[str]]] = {
    flows.three_steps: (COMPLETED, ["a", "b", "c"], ["a", "b", "c"]),
    flows.atomic_steps: (COMPLETED, ["a", "b", "c"], ["a", "b", "c"]),
    flows.waits: (COMPLETED, ["early", "late"], ["early", "late"]),
    flows.retries: (COMPLETED, 3, ["attempt 1", "attempt 2", "attempt 3"]),
    flows.sleeps: (COMPLETED, ["before", "between", "after"], ["before", "between", "after"]),
    flows.cancelled: (CANCELLED, None, ["before", "cancel"]),
    flows.labelled: (COMPLETED, "done", ["done"]),
    flows.blocked: (BLOCKED, None, ["before"]),
}
PLAIN_EFFECTS = {"a", "b", "c", "cancel", "attempt 1", "attempt 2", "attempt 3"}

Killed = dict[UUID, tuple[Callable[..., Any], str]]


def begin(workflow: Callable[..., Any], crash_at: str) -> UUID:
    """Start a run that dies there; what it waits for is sent early."""
    with transaction.atomic():
        run = start(workflow, key=crash_at, crash_at=crash_at)
        send_event(run.id, "word", payload="early", key="word")
    return run.id


def test_a_run_killed_anywhere_ends_as_an_unharmed_one(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    cluster = lab.cluster(workers=4, crashes=True, poll_seconds=0.1, guard_cycle=0.05)
    peaceful = {workflow: begin(workflow, "nowhere") for workflow in WORKFLOWS}
    wait_until_over(list(peaceful.values()), cluster)

    killed = {
        begin(workflow, f"{point}:{time}"): (workflow, f"{point}:{time}")
        for workflow, run_id in peaceful.items()
        for point in POINTS
        for time in TIMES
        if crash_points.calls(cluster.folder, run_id, point.partition(":")[0]) >= time
    }
    wait_until_over(list(killed), cluster)

    record_property("crash points", by_workflow(killed))
    assert crash_points.killed(cluster.folder) == {str(r): at for r, (_, at) in killed.items()}
    assert {at.rpartition(":")[0] for _, at in killed.values()} == set(POINTS)
    assert wrong_ends(killed) == {}
    assert wrong_effects(killed) == {}
    assert effects_under_two_keys() == []
    assert recoveries() == [0, 1]
    assert breaches() == {}


def by_workflow(killed: Killed) -> dict[str, list[str]]:
    """Return the points where each workflow was killed."""
    return {
        workflow.__name__: sorted(at for w, at in killed.values() if w is workflow)
        for workflow in WORKFLOWS
    }


def wrong_ends(killed: Killed) -> dict[str, object]:
    """Return the runs that did not end as their workflow does in peace."""
    runs = {run_id: get_run(run_id) for run_id in killed}
    return {
        f"{workflow.__name__} killed at {at}": runs[run_id]
        for run_id, (workflow, at) in killed.items()
        if (runs[run_id].state, runs[run_id].output) != OUTCOMES[workflow][:2]
    }


def wrong_effects(killed: Killed) -> dict[str, object]:
    """Return the runs with an atomic effect twice, a plain one thrice, two repeated, or one missing."""
    wrong: dict[str, object] = {}
    for run_id, (workflow, at) in killed.items():
        left = Counter(effects(run_id))
        again = [name for name, times in left.items() if times > 1]
        atomic = workflow is flows.atomic_steps or not PLAIN_EFFECTS.issuperset(again)
        if (
            list(left) != OUTCOMES[workflow][2]
            or max(left.values()) > 2
            or len(again) > 1
            or (again and atomic)
        ):
            wrong[f"{workflow.__name__} killed at {at}"] = dict(left)
    return wrong


def effects_under_two_keys() -> list[tuple[Any, ...]]:
    """Return the effects that were repeated under another idempotency key."""
    return rows(
        "SELECT run_id, name FROM lab_effect GROUP BY run_id, name HAVING count(DISTINCT key) > 1"
    )
