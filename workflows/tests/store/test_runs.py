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
from workflows.store.views import get_run
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    elsewhere,
    new_run,
    somebody_waits_for_a_lock,
    until,
)

TOGETHER = 4


def create(key: str | None, *, workflow: str = "tests.made") -> uuid.UUID | None:
    view = create_run(new_run(workflow, key=key))
    return None if view is None else view.id


@pytest.mark.django_db
def test_the_view_that_create_returns_is_the_one_that_is_read_later() -> None:
    given = Input('{"a": 1}', '{"b": 2}')
    new = new_run(version=2, key="k", input=given, deadline_seconds=60, priority=-5)

    view = create_run(new)

    assert view == get_run(new.id)
    assert view is not None
    assert (view.input, view.defaults) == ({"a": 1, "b": 2}, {"b": 2})
    assert view.priority == -5
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
