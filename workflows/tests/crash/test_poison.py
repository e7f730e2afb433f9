"""A run that kills whoever drives it is set aside, and holds nobody up."""

import pytest

from workflows.api import HistoryKind, RunState, get_history, get_run, retry_now, start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Lab,
    effects,
    most_crashes,
    rows,
    wait_for,
    wait_for_state,
)
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]


def test_a_poisoned_run_is_blocked_and_the_others_go_on(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=3).wait_until_ready()

    poisoned = start(flows.poison)
    healthy = [start(flows.three_steps) for _ in range(20)]

    for run in healthy:
        wait_for_state(run.id, RunState.COMPLETED, cluster)
    wait_for_state(poisoned.id, RunState.BLOCKED, cluster)
    blocked = get_run(poisoned.id)
    assert blocked.crashes == 3
    assert blocked.error is not None
    assert "3 workers in a row were lost while driving this run" in blocked.error["message"]
    assert effects(poisoned.id) == ["die"] * 3
    kinds = [entry.kind for entry in get_history(poisoned.id)]
    assert kinds == [HistoryKind.RECOVERED, HistoryKind.RECOVERED, HistoryKind.BLOCKED]


def test_a_poisoned_run_costs_its_neighbours_in_ten_slots_nothing(lab: Lab) -> None:
    cluster = lab.cluster(slots=10, max_crashes=3).wait_until_ready()
    gate = lab.gate()
    innocent = [start(flows.held, gate=str(gate), steps=3) for _ in range(25)]
    poisoned = start(flows.poison_in_company, gate=str(gate), priority=1)
    innocent += [start(flows.held, gate=str(gate), steps=3) for _ in range(25)]
    standing = "SELECT count(DISTINCT run_id) FROM lab_effect"
    wait_for(lambda: rows(standing) == [(20,)], "full slots", cluster.words)
    assert effects(poisoned.id) == ["die"], "it is among them"

    gate.touch()

    for run in innocent:
        wait_for_state(run.id, RunState.COMPLETED, cluster)
        assert most_crashes(run.id) == 0
    wait_for_state(poisoned.id, RunState.BLOCKED, cluster)
    assert get_run(poisoned.id).crashes == 3
    recovered = [each for each in get_history(poisoned.id) if each.kind == HistoryKind.RECOVERED]
    companies = [each.data.get("company", 0) for each in recovered]
    assert companies[0] > 0, "first with others"
    assert companies[-2:] == [0, 0], "at last alone"


def test_a_run_whose_atomic_step_always_breaks_the_connection_is_blocked(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=3).wait_until_ready()

    poisoned = start(flows.cut_for_ever)
    healthy = [start(flows.atomic_steps) for _ in range(10)]

    for run in healthy:
        wait_for_state(run.id, RunState.COMPLETED, cluster)
    wait_for_state(poisoned.id, RunState.BLOCKED, cluster)
    assert get_run(poisoned.id).crashes == 3
    assert effects(poisoned.id) == ["cut"] * 3
    assert breaches() == {}


def test_a_poisoned_run_that_is_retried_gets_its_chances_anew(lab: Lab) -> None:
    cluster = lab.cluster(max_crashes=2).wait_until_ready()
    poisoned = start(flows.poison)
    wait_for_state(poisoned.id, RunState.BLOCKED, cluster)

    assert retry_now(poisoned.id, by="alice")

    kinds = [HistoryKind.RECOVERED, HistoryKind.BLOCKED]
    wait_for(lambda: len(effects(poisoned.id)) == 4, "two more deaths", cluster.words)
    wait_for_state(poisoned.id, RunState.BLOCKED, cluster)
    assert [entry.kind for entry in get_history(poisoned.id)] == [*kinds, HistoryKind.WOKEN, *kinds]
