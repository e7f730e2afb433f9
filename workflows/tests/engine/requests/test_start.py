"""Starting a run: one row in the caller's transaction, once per key, with input that fits."""

import asyncio
import time
import uuid
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from workflows.api import (
    Context,
    InvalidInput,
    KeyConflict,
    RunNotFound,
    RunState,
    UnknownWorkflow,
    cancel,
    get_history,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.engine.requests import new_run
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, driven, elsewhere
from workflows.tests.flows import greet_once, wait_for_go


@dataclass
class Order:
    id: uuid.UUID
    total: Decimal
    due: date


@workflow("tests.order")
def take_order(run: Context, order: Order, count: int = 1, note: str | None = None) -> Order:
    assert isinstance(order, Order)
    return order


@workflow("tests.needs_nothing")
def needs_nothing(run: Context) -> None: ...


ORDER = Order(uuid.UUID(int=1), Decimal("9.90"), date(2026, 1, 1))


@pytest.mark.django_db
def test_a_started_run_is_pending_and_readable_at_once() -> None:
    view = start(greet_once, key="k", name="Alice")

    assert (view.state, view.workflow, view.version) == (RunState.PENDING, "tests.greet", 1)
    assert (view.input, view.key, view.output) == ({"name": "Alice"}, "k", None)
    assert get_run(view.id) == view
    assert get_history(view.id) == []


@pytest.mark.django_db
def test_input_and_output_cross_by_their_annotations() -> None:
    run = driven(take_order, order=ORDER)

    assert run.state == RunState.COMPLETED
    assert run.output == {"id": str(ORDER.id), "total": "9.90", "due": "2026-01-01"}


@pytest.mark.usefixtures("committed")
def test_a_rollback_takes_the_run_with_it() -> None:
    with transaction.atomic():
        Group.objects.create(name="alice's")
        view = start(greet_once, name="Alice")
        transaction.set_rollback(True)

    assert not Group.objects.exists()
    with pytest.raises(RunNotFound):
        get_run(view.id)
    assert drive_until_idle() == 0


@pytest.mark.usefixtures("committed")
def test_nobody_sees_the_run_before_its_transaction_is_committed() -> None:
    with transaction.atomic():
        start(greet_once, name="Alice")
        driven_elsewhere = elsewhere(drive_until_idle).result(PATIENCE_SECONDS)

    assert driven_elsewhere == 0
    assert drive_until_idle() == 1


@pytest.mark.usefixtures("committed")
def test_outside_a_transaction_the_run_is_there_at_once() -> None:
    view = start(greet_once, name="Alice")

    assert elsewhere(lambda: get_run(view.id).id).result(PATIENCE_SECONDS) == view.id


@pytest.mark.django_db
@pytest.mark.parametrize("after", ["at once", "completed", "cancelled"])
def test_the_same_key_and_input_give_the_same_run(after: str) -> None:
    first = start(take_order, key="k", order=ORDER)
    if after == "completed":
        drive_until_idle()
    elif after == "cancelled":
        cancel(first.id)

    again = start(take_order, key="k", order=ORDER)

    assert again == get_run(first.id)
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_the_same_key_with_other_input_is_refused_and_changes_nothing() -> None:
    start(greet_once, key="k", name="Alice")

    with pytest.raises(KeyConflict, match=r"key 'k' of 'tests\.greet' was used with another input"):
        start(greet_once, key="k", name="Bob")

    assert [run.input for run in list_runs()] == [{"name": "Alice"}]


@pytest.mark.django_db
def test_the_order_of_keys_makes_no_other_input() -> None:
    @workflow("tests.any_input")
    def any_input(run: Context, data: dict[str, Any]) -> None: ...

    first = start(any_input, key="k", data={"a": 1, "b": 1e22})

    assert start(any_input, key="k", data={"b": 1e22, "a": 1}).id == first.id


@pytest.mark.django_db
def test_two_workflows_may_use_the_same_key() -> None:
    assert start(greet_once, key="k", name="Alice").id != start(wait_for_go, key="k").id


@pytest.mark.usefixtures("committed")
def test_threads_that_start_the_same_key_together_get_the_same_run() -> None:
    barrier = Barrier(4)

    def race() -> uuid.UUID:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        return start(greet_once, key="k", name="Alice").id

    racing = [elsewhere(race) for _ in range(4)]
    wait(racing, PATIENCE_SECONDS)

    assert len({future.result() for future in racing}) == 1
    assert Run.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"order": ORDER, "colour": "red"},
        {"run": 1, "order": ORDER},
        {"order": "an order"},
        {"order": ORDER, "count": "many"},
        {"order": ORDER, "count": 1.5},
        {"order": ORDER, "note": object()},
        {"order": ORDER, "note": "a\x00b"},
        {"order": ORDER, "note": "\ud800"},
        {"order": ORDER, "note": "x" * 300_000},
    ],
    ids=lambda given: f"{given!r:.60}",
)
def test_input_that_does_not_fit_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"input of 'tests\.order'"):
        start(take_order, **given)

    assert not Run.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 501, "a\x00", "\ud800", 3, b"k"])
def test_a_key_that_cannot_be_kept_is_refused(key: Any) -> None:
    with pytest.raises(InvalidInput, match="1 to 500 characters"):
        start(needs_nothing, key=key)


def test_what_is_no_workflow_cannot_be_started() -> None:
    def plain(run: Context) -> None: ...

    with pytest.raises(UnknownWorkflow, match="plain is not a workflow: decorate it with"):
        start(plain)  # type: ignore[call-overload]


@pytest.mark.django_db
def test_a_result_that_cannot_be_kept_fails_the_run() -> None:
    @workflow("tests.returns_an_object")
    def returns_an_object(run: Context) -> object:
        return object()

    @workflow("tests.returns_the_class")
    def returns_the_class(run: Context) -> Order:
        return Order  # type: ignore[return-value]

    runs = [driven(returns_an_object), driven(returns_the_class)]

    assert [run.state for run in runs] == [RunState.FAILED] * 2
    assert all(run.error and "cannot be stored as JSON" in run.error["message"] for run in runs)


@pytest.mark.django_db
def test_an_error_of_the_workflow_itself_fails_the_run_with_its_words() -> None:
    @workflow("tests.raises")
    def raises(run: Context) -> None:
        raise LookupError("nothing\x00here")

    run = driven(raises)

    assert run.state == RunState.FAILED
    assert run.finished_at is not None
    assert run.error is not None
    assert (run.error["type"], run.error["message"]) == ("LookupError", "nothing\ufffdhere")
    assert [e.kind for e in get_history(run.id)] == ["run_failed"]


OF_NO_PROCESS = {
    "sys.exit": SystemExit(3),
    "asyncio": asyncio.CancelledError("enough"),
    "a generator": GeneratorExit(),
    "a group": BaseExceptionGroup("all of it", [SystemExit(3)]),
}


@workflow("tests.raises_by_name", on_failure="compensate")
def raises_by_name(run: Context, name: str) -> None:
    run.start_child(wait_for_go)
    raise OF_NO_PROCESS[name]


@pytest.mark.django_db
@pytest.mark.parametrize("name", OF_NO_PROCESS)
def test_what_workflow_code_raises_ends_its_run_and_not_its_worker(name: str) -> None:
    run = driven(raises_by_name, name=name)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["type"].endswith(type(OF_NO_PROCESS[name]).__name__)
    assert [child.state for child in list_runs(parent=run.id)] == [RunState.CANCELLED]


@pytest.mark.django_db
def test_an_interrupt_belongs_to_the_process() -> None:
    @workflow("tests.interrupted")
    def interrupted(run: Context) -> None:
        raise KeyboardInterrupt

    start(interrupted)

    with pytest.raises(KeyboardInterrupt):
        drive_until_idle()


@pytest.mark.django_db
def test_runs_are_listed_newest_first_by_workflow_and_state() -> None:
    first, second = start(greet_once, name="Alice"), start(wait_for_go)
    drive_until_idle()
    third = start(greet_once, name="Bob")

    assert [run.id for run in list_runs()] == [third.id, second.id, first.id]
    assert [run.id for run in list_runs(workflow="tests.greet")] == [third.id, first.id]
    assert [run.id for run in list_runs(state=RunState.WAITING)] == [second.id]
    assert [run.id for run in list_runs(limit=1)] == [third.id]


@pytest.mark.django_db
def test_ids_of_runs_stand_in_the_order_of_their_starts() -> None:
    earliest = time.time_ns() // 1_000_000
    with mock.patch.object(new_run, "milliseconds_now", iter([1000, 2000]).__next__):
        first, second = start(wait_for_go).id, start(wait_for_go).id
    now = start(wait_for_go).id

    assert {each.version for each in (first, second, now)} == {7}
    assert first < second < now
    assert earliest <= now.int >> 80 <= time.time_ns() // 1_000_000
