"""Runs are created once per key, in the caller's transaction."""

import uuid
from concurrent.futures import wait
from threading import Barrier

import pytest
from django.db import connection, transaction

from workflows.api import RunState
from workflows.core.codec import Input
from workflows.models import Run
from workflows.store.runs import create_run, find_by_key
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    elsewhere,
    row,
    somebody_waits_for_a_lock,
    until,
)

TOGETHER = 4


def create(key: str | None, *, workflow: str = "tests.made") -> uuid.UUID | None:
    run_id = uuid.uuid4()
    view = create_run(run_id=run_id, workflow=workflow, version=1, key=key, input=Input("{}"))
    return None if view is None else view.id


@pytest.mark.django_db
def test_the_view_that_create_returns_is_the_row() -> None:
    view = create_run(
        run_id=uuid.uuid4(),
        workflow="tests.made",
        version=2,
        key="k",
        input=Input('{"a": 1}', '{"b": 2}'),
    )

    assert view is not None
    stored = row(view.id)
    assert (stored["created_at"], stored["wake_at"]) == (view.created_at, view.wake_at)
    assert (stored["state"], stored["version"], stored["input"]) == ("pending", 2, {"a": 1})
    assert stored["defaults"] == view.defaults == {"b": 2}
    assert view.input == {"a": 1, "b": 2}
    assert (view.state, view.attempt, view.is_over) == (RunState.PENDING, 0, False)


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
