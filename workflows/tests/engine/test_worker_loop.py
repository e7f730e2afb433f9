"""A worker's loop: run after run until none is due, through stops, losses and broken databases."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from workflows import signals
from workflows.api import Context, RunState, get_run, start, step, workflow
from workflows.core.turns import OTHERWISE
from workflows.engine import worker_loop
from workflows.engine.worker_loop import work_off
from workflows.models import Run
from workflows.store.queue import claim_run
from workflows.tests.builders import elsewhere, end_session, kinds, row
from workflows.tests.engine.workers import Worker, work
from workflows.tests.flows import greet, greet_once, notes, sleep_a_while, wait_for_go
from workflows.tests.listening import listening
from workflows.tests.other_database import ALIAS, other_alias

pytestmark = pytest.mark.usefixtures("committed")


class Homeless(Worker):
    """A worker whose own connection cannot be opened."""

    def worker_id(self) -> int | None:
        raise psycopg.OperationalError("connection refused")


class Unreachable(Worker):
    """A worker for which the pooler before the database has no room."""

    def worker_id(self) -> int | None:
        raise OperationalError("no room\nfor you")


def test_a_worker_that_does_not_reach_the_database_says_so_at_the_second_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_loop._claims, "lost_in_a_row", 0)
    start(greet_once, name="Alice")

    with listening("workflows") as ear:
        work(Unreachable())
        assert ear.records == []
        work(Unreachable())
    with listening("workflows") as after:
        work()
        work(Unreachable())

    [said] = [record.getMessage() for record in ear.records]
    assert said == "due runs are not driven, workers do not reach the database: no room for you"
    assert [record.levelname for record in after.records] == ["INFO"]


def test_every_due_run_is_driven_and_the_loop_ends() -> None:
    views = [start(greet_once, name=name) for name in ("Alice", "Bob", "Charlie")]
    start(wait_for_go)
    worker = Worker()

    driven = work(worker)

    assert driven == 4
    assert {get_run(view.id).state for view in views} == {RunState.COMPLETED}
    assert [run is None for run in worker.held] == [*[False, True] * 4, True]
    assert worker.lost == 0


def test_a_drive_is_announced_when_its_lease_is_looked_after() -> None:
    start(greet_once, name="Alice")
    worker, held = Worker(), []

    def note(**_: Any) -> None:
        held.append(worker.held[-1] is not None if worker.held else False)

    signals.run_claimed.connect(note)
    try:
        work(worker)
    finally:
        signals.run_claimed.disconnect(note)

    assert held == [True]


def test_tenants_take_turns_beside_a_backlog_of_one_of_them() -> None:
    backlog = [start(greet_once, name=str(number), tenant="ann").id for number in range(60)]
    bobs = [start(greet_once, name=f"bob {number}", tenant="bob").id for number in range(3)]

    work()

    in_turn = [*Run.objects.order_by("started_at").values_list("pk", flat=True)]
    assert len(in_turn) == len(backlog) + len(bobs)
    assert in_turn.index(bobs[0]) <= OTHERWISE
    assert in_turn.index(bobs[-1]) <= 2 * OTHERWISE


def test_the_first_look_is_told_even_if_nothing_is_due() -> None:
    looks: list[str] = []

    work_off(Worker(), stopping=lambda: False, looked=lambda: looks.append("looked"))

    assert looks == ["looked"]


def test_a_worker_that_is_to_stop_claims_nothing() -> None:
    view = start(greet_once, name="Alice")

    assert work(Worker(), stopping=lambda: True) == 0

    assert get_run(view.id).attempt == 0


@workflow("tests.two_steps")
def two_steps(run: Context) -> str:
    run.step(greet, "Alice")
    run.uuid()
    return run.step(greet, "Bob")


def test_a_stop_between_two_steps_gives_the_run_back_and_another_goes_on_with_it() -> None:
    view = start(two_steps)

    work(Worker(), stopping=lambda: bool(notes.done))
    between = row(view.id)
    work(Worker())

    assert (between["state"], between["crashes"], between["worker_id"]) == ("pending", 0, None)
    assert kinds(view.id) == ["step_completed", "step_completed", "run_completed"]
    assert notes.done == ["greet Alice", "greet Bob"]


def test_a_worker_that_cannot_register_leaves_the_queue_alone() -> None:
    view = start(greet_once, name="Alice")

    assert work(Homeless()) == 0

    assert get_run(view.id).state == RunState.PENDING


@step
def lose_the_connection_afterwards() -> str:
    """The engine's next statement finds the session gone."""
    notes.note("done")
    pid = connection.connection.info.backend_pid
    elsewhere(lambda: end_session(pid)).result(10)
    return "done"


@workflow("tests.lose_connection")
def losing(run: Context) -> str:
    return run.step(lose_the_connection_afterwards if not notes.done else greet_afterwards)


@step(name="lose_the_connection_afterwards")
def greet_afterwards() -> str:
    return "done"


def test_a_run_whose_connection_broke_goes_on_and_counts_no_crash() -> None:
    told: list[Any] = []

    def listen(**facts: Any) -> None:
        told.append(facts["error"])

    signals.drive_abandoned.connect(listen)
    view, worker = start(losing), Worker()

    work(worker)

    signals.drive_abandoned.disconnect(listen)
    after = get_run(view.id)
    assert (after.state, after.crashes, after.attempt) == (RunState.COMPLETED, 0, 2)
    assert worker.lost == 0
    assert [type(error) for error in told] == [OperationalError]


def test_a_database_that_stays_away_frees_the_run_by_losing_the_id() -> None:
    view, worker = start(greet_once, name="Alice"), Worker()
    away = OperationalError("the database is away")

    with (
        mock.patch("workflows.store.history.append", side_effect=away),
        mock.patch("workflows.store.queue.give_back", side_effect=away),
        mock.patch("workflows.engine.worker_loop.claim_run", wraps=once()),
    ):
        work(worker)

    assert worker.lost >= 1
    assert get_run(view.id).state == RunState.RUNNING


def once() -> Callable[..., Any]:
    left = [claim_run]

    def claim(**given: Any) -> Any:
        return left.pop()(**given) if left else None

    return claim


def test_a_claim_that_fails_ends_the_loop_quietly_and_frees_what_it_may_have_claimed() -> None:
    worker = Worker()

    with mock.patch("workflows.engine.worker_loop.claim_run", side_effect=OperationalError("away")):
        driven = work(worker)

    assert (driven, worker.lost) == (0, 1)


def test_one_broken_run_keeps_no_other_from_being_driven() -> None:
    broken = start(greet_once, name="Alice")
    Run.objects.filter(pk=broken.id).update(input={"nonsense": 1})
    unknown = start(greet_once, name="Bob")
    Run.objects.filter(pk=unknown.id).update(workflow="tests.unheard_of")
    healthy = start(sleep_a_while, seconds=0)

    work(Worker())

    assert get_run(broken.id).state == RunState.BLOCKED
    assert get_run(unknown.id).state == RunState.PENDING  # for a worker that has its code
    assert get_run(healthy.id).state == RunState.COMPLETED


def test_a_listener_that_raises_changes_no_outcome() -> None:
    def shout(**facts: Any) -> None:
        raise RuntimeError("listener")

    signals.run_finished.connect(shout)
    view = start(greet_once, name="Alice")

    work(Worker())

    signals.run_finished.disconnect(shout)
    assert get_run(view.id).state == RunState.COMPLETED


def test_a_claim_that_fails_of_itself_is_given_up_with_what_it_may_hold() -> None:
    worker = Worker()

    broken = mock.patch("workflows.engine.worker_loop.claim_run", side_effect=ZeroDivisionError)
    with broken, pytest.raises(ZeroDivisionError):
        work(worker)

    assert worker.lost == 1


@step
def note_drive() -> None:
    looked_at.append("step")


looked_at: list[str] = []


@workflow("tests.noting_drive")
def noting_drive(run: Context) -> None:
    run.step(note_drive)


def test_connections_to_other_databases_are_looked_at_behind_each_drive() -> None:
    looked_at.clear()
    with other_alias():
        start(noting_drive)
        start(noting_drive)
        close, look = "close_if_unusable_or_obsolete", lambda: looked_at.append("closed")
        with mock.patch.object(connections[ALIAS], close, look):
            work()

    assert looked_at == ["step", "closed"] * 2
