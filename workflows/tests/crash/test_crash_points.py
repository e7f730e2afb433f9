"""Kill a worker before and after each write of each kind of workflow; the run must not notice."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, send_event, start
from workflows.tests.cluster import crash_points, flows
from workflows.tests.cluster.lab import Cluster, Lab, effects, rows, wait_for
from workflows.tests.crash.invariants import breaches

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
POINTS = [
    f"{function}:{when}"
    for function in (
        "claim_run",
        "append",
        "commit",
        "set_status",
        "consume",
        "park_run",
        "end_run",
        "block_run",
    )
    for when in ("before", "after")
]
"""Every write of a drive. release_run, which only a stopping cluster calls, has its own test."""
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
ONCE_AT_LEAST = {"a", "b", "c", "cancel", "attempt 1", "attempt 2", "attempt 3"}

Killed = dict[UUID, tuple[Callable[..., Any], str]]


@pytest.fixture(scope="module")
def killed(shared_lab: Lab) -> Iterator[Killed]:
    """Run every workflow once in peace, then once for each point that it passed, with a kill there."""
    cluster = shared_lab.cluster(workers=2, crashes=True, poll_seconds=0.1, guard_cycle=0.05)
    cluster.wait_until_ready()
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
    assert crash_points.killed(cluster.folder) == {str(r): at for r, (_, at) in killed.items()}
    yield killed


def begin(workflow: Callable[..., Any], crash_at: str) -> UUID:
    """Start a run that dies there; what it waits for is sent early."""
    with transaction.atomic():
        run = start(workflow, key=crash_at, crash_at=crash_at)
        send_event(run.id, "word", payload="early", key="word")
    return run.id


def wait_until_over(run_ids: list[UUID], cluster: Cluster) -> None:
    """Wait until nothing more happens to these runs."""
    settled = "SELECT count(*) FROM workflows_run WHERE id = ANY(%s) AND state IN ({})".format(
        "'completed', 'failed', 'cancelled', 'blocked'"
    )

    wait_for(lambda: rows(settled, run_ids) == [(len(run_ids),)], "all runs to end", cluster.words)


def test_every_point_of_every_workflow_was_a_killing(
    killed: Killed, record_property: Callable[[str, object], None]
) -> None:
    points = {
        workflow: sorted(at for w, at in killed.values() if w is workflow) for workflow in WORKFLOWS
    }

    record_property("crash points", {w.__name__: at for w, at in points.items()})

    reached = {at.rpartition(":")[0] for _, at in killed.values()}
    assert reached == set(POINTS)
    assert all(len(at) >= 8 for at in points.values()), points


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.__name__)
def test_a_killed_run_ends_as_an_unharmed_one(killed: Killed, workflow: Callable[..., Any]) -> None:
    runs = {at: get_run(run_id) for run_id, (w, at) in killed.items() if w is workflow}

    ends = {at: (run.state, run.output) for at, run in runs.items()}

    assert ends == dict.fromkeys(runs, OUTCOMES[workflow][:2])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.__name__)
def test_a_kill_repeats_plain_effects_at_most_once_and_atomic_ones_never(
    killed: Killed, workflow: Callable[..., Any]
) -> None:
    wanted = OUTCOMES[workflow][2]
    atomic = workflow is not flows.three_steps

    left = {at: Counter(effects(run_id)) for run_id, (w, at) in killed.items() if w is workflow}

    for at, counts in left.items():
        assert list(counts) == wanted, at
        again = {name for name, times in counts.items() if times == 2}
        assert again <= (ONCE_AT_LEAST if workflow is not flows.atomic_steps else set()), (
            at,
            atomic,
        )
        assert max(counts.values()) <= 2 and len(again) <= 1, at


def test_a_repeated_effect_has_the_key_of_the_first(killed: Killed) -> None:
    keys = rows("SELECT run_id, name, count(DISTINCT key) FROM lab_effect GROUP BY run_id, name")

    other = [(run, name) for run, name, different in keys if different != 1]

    assert other == []


def test_one_kill_counts_as_one_crash_at_most(killed: Killed) -> None:
    counted = rows(
        "SELECT DISTINCT count(line.id) FROM workflows_run AS run LEFT JOIN workflows_history AS line "
        "ON line.run_id = run.id AND line.kind = 'recovered' GROUP BY run.id ORDER BY 1"
    )

    assert counted == [(0,), (1,)]


def test_the_invariants_hold_after_all_of_it(killed: Killed) -> None:
    assert breaches() == {}
