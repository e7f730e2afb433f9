"""Runs: created once per key in the caller's transaction; what their ends say and keep."""

import json
import uuid
from concurrent.futures import wait
from threading import Barrier

import pytest
from django.db import connection, transaction

from workflows.api import HistoryKind, RunState, get_history
from workflows.core.signature import Input
from workflows.models import Run
from workflows.store.fence import Notes
from workflows.store.runs import begin_compensation, block_run, create_run, end_run, find_by_key
from workflows.store.views import get_run
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    elsewhere,
    new_run,
    row,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.flows import wait_for_go

TOGETHER = 4
FAILED, NOT_UNDONE = (
    {"type": "ValueError", "message": "no"},
    {"type": "OSError", "message": "stuck"},
)


def create(key: str | None, *, workflow: str = "tests.made") -> uuid.UUID | None:
    view = create_run(new_run(workflow, key=key))
    return None if view is None else view.id


@pytest.mark.django_db
def test_the_view_that_create_returns_is_the_one_that_is_read_later() -> None:
    given = Input('{"a": 1}', '{"b": 2}')
    new = new_run(version=2, key="k", input=given, deadline_seconds=60, priority=-5, tenant="ann")

    view = create_run(new)

    assert view == get_run(new.id)
    assert view is not None
    assert (view.input, view.defaults) == ({"a": 1, "b": 2}, {"b": 2})
    assert (view.priority, view.tenant) == (-5, "ann")
    assert (view.state, view.attempt, view.is_over) == (RunState.PENDING, 0, False)


@pytest.mark.django_db
def test_two_new_runs_share_nothing_that_can_be_changed() -> None:
    first, second = create_run(new_run()), create_run(new_run())

    assert first is not None
    assert second is not None
    first.data["stage"] = "told"
    assert second.data == {}


@pytest.mark.django_db
def test_a_key_makes_one_run() -> None:
    first = create("slot-3")

    assert create("slot-3") is None
    assert find_by_key("tests.made", "slot-3") == (first, Input("{}"))


@pytest.mark.django_db
def test_a_key_belongs_to_its_workflow() -> None:
    assert create("slot-3", workflow="tests.a") != create("slot-3", workflow="tests.b")


@pytest.mark.django_db
def test_runs_without_a_key_are_all_different() -> None:
    assert create(None) != create(None)


@pytest.mark.usefixtures("committed")
def test_threads_that_create_the_same_key_together_make_one_run() -> None:
    barrier = Barrier(TOGETHER)

    def race() -> uuid.UUID | None:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        return create("slot-3")

    racing = [elsewhere(race) for _ in range(TOGETHER)]
    wait(racing, PATIENCE_SECONDS)

    winners = [future.result() for future in racing if future.result() is not None]
    assert len(winners) == 1
    assert Run.objects.get(key="slot-3").pk == winners[0]


@pytest.mark.usefixtures("committed")
def test_a_key_under_way_in_another_transaction_is_waited_for() -> None:
    with transaction.atomic():
        first = create("slot-3")
        second = elsewhere(lambda: (create("slot-3"), find_by_key("tests.made", "slot-3")))
        until(somebody_waits_for_a_lock)

    assert second.result(PATIENCE_SECONDS) == (None, (first, Input("{}")))


@pytest.mark.usefixtures("committed")
def test_a_key_that_was_rolled_back_is_free_again() -> None:
    with transaction.atomic():
        create("slot-3")
        second = elsewhere(lambda: create("slot-3"))
        until(somebody_waits_for_a_lock)
        transaction.set_rollback(True)

    assert second.result(PATIENCE_SECONDS) is not None
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_a_run_that_turns_to_undoing_keeps_its_notes_and_begins_to_count_crashes_anew() -> None:
    run = started_and_claimed(wait_for_go)
    Run.objects.filter(pk=run.id).update(crashes=4)

    assert begin_compensation(run, error=json.dumps(FAILED), notes=Notes('{"a": 1}', '{"b": 2}'))

    turned = row(run.id)
    assert (turned["data"], turned["attributes"]) == ({"a": 1}, {"b": 2})
    assert (turned["error"], turned["crashes"]) == (FAILED, 0)


@pytest.mark.django_db
def test_a_run_that_has_undone_its_steps_says_still_what_it_had_failed_with() -> None:
    run = started_and_claimed(wait_for_go)
    begin_compensation(run, error=json.dumps(FAILED))

    assert end_run(run, RunState.COMPENSATED, before=RunState.COMPENSATING)

    assert row(run.id)["error"] == FAILED
    assert get_history(run.id)[-1].data == {}


@pytest.mark.django_db
def test_a_run_that_cannot_undo_its_steps_says_both_and_history_what_it_ended_with() -> None:
    run = started_and_claimed(wait_for_go)
    begin_compensation(run, error=json.dumps(FAILED))
    why, before = json.dumps(NOT_UNDONE), RunState.COMPENSATING

    assert end_run(run, RunState.FAILED, before=before, compensation_error=why)

    ended, line = row(run.id), get_history(run.id)[-1]
    assert (ended["error"], ended["compensation_error"]) == (FAILED, NOT_UNDONE)
    assert (line.kind, line.data) == (HistoryKind.RUN_FAILED, {"error": NOT_UNDONE})


@pytest.mark.django_db
def test_a_run_that_is_set_aside_says_why_in_its_row_and_in_history() -> None:
    run = started_and_claimed(wait_for_go)

    assert block_run(run, error=json.dumps(FAILED))

    [line] = get_history(run.id)
    assert row(run.id)["error"] == FAILED
    assert (line.kind, line.data) == (HistoryKind.BLOCKED, {"error": FAILED})
