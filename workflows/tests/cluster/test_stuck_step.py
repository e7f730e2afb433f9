"""A step that cannot be interrupted at its limit: its run is taken from it, and its worker retires."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from workflows.api import HistoryKind, RunState, get_history, get_run, start
from workflows.cluster.liveness import Liveness
from workflows.cluster.slot_threads import Slots
from workflows.cluster.stuck_step import give_up
from workflows.core.run import ClaimedRun
from workflows.engine.attempts.time_limit import Limit
from workflows.store.queue import claim_run
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab
from workflows.tests.cluster.slots import an_attempt


@pytest.fixture
def liveness(lab: Lab) -> Iterator[Liveness]:
    liveness = Liveness()
    yield liveness
    liveness.lose()


@pytest.fixture
def run(liveness: Liveness) -> ClaimedRun:
    """Return a run that this thread drives."""
    start(flows.never_comes_back_alone)
    run = claim_run(worker_id=liveness.worker_id(), lease_seconds=60)
    assert run is not None
    liveness.hold(run)
    return run


@pytest.mark.parametrize(("seconds", "overran"), [((-1, None), "timeout"), ((60, -1), "heartbeat")])
def test_the_run_goes_back_with_what_it_overran_and_no_crash(
    liveness: Liveness, run: ClaimedRun, seconds: tuple[float, float | None], overran: str
) -> None:
    slots = Slots(2, lambda: None)

    limit = Limit(*seconds)  # which begins to count here
    give_up(an_attempt(run_id=run.id, attempt=run.attempt, limit=limit), slots, liveness)

    view, [line] = get_run(run.id), get_history(run.id)
    assert (view.state, view.crashes, line.kind) == (RunState.PENDING, 0, HistoryKind.RECOVERED)
    assert [step["overran"] for step in line.data["steps"]] == [overran]
    assert slots.retiring
    assert slots._lost == {threading.get_ident()}


def test_a_run_that_another_has_by_now_is_left_to_it(
    liveness: Liveness, run: ClaimedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.cluster.stuck_step.PAUSE_SECONDS", 0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflows_run SET attempt = attempt + 1")

    give_up(an_attempt(run_id=run.id, attempt=run.attempt), Slots(2, lambda: None), liveness)

    assert get_run(run.id).state == RunState.RUNNING
    assert get_history(run.id) == []


def test_a_step_that_ends_while_its_run_is_taken_costs_no_worker(
    liveness: Liveness, run: ClaimedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, attempt = Slots(2, lambda: None), an_attempt(run_id=run.id, attempt=run.attempt)

    def take(*given: object, **how: object) -> list[object]:
        attempt.ended = True  # and its end is recorded, or refused by the fence
        return []

    monkeypatch.setattr("workflows.store.sweep.take_overrun", take)

    give_up(attempt, slots, liveness)

    assert not slots.retiring
