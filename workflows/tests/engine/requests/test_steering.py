"""Cancel sticks: in every state, from anywhere, and nothing that ends later overwrites it."""

import uuid
from collections.abc import Callable
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from workflows.api import (
    Context,
    InvalidInput,
    RetryPolicy,
    RunIsOver,
    RunNotFound,
    RunState,
    RunView,
    cancel,
    compensate,
    get_history,
    get_run,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.core.states import FINAL_STATES
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.store.runs import end_run
from workflows.testing import drive_until_idle
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    driven,
    elsewhere,
    expire_lease,
    kinds,
    somebody_waits_for_a_lock,
    started_and_claimed,
    swept,
    until,
)
from workflows.tests.flows import greet, greet_once, notes, sleep_a_while, wait_for_go

ENDED = [HistoryKind.CANCEL_REQUESTED, HistoryKind.RUN_CANCELLED]


@workflow("tests.no_steps")
def no_steps(run: Context) -> str:
    return "done"


def pending() -> RunView:
    return start(greet_once, name="Alice")


def waiting() -> RunView:
    return driven(wait_for_go)


def blocked() -> RunView:
    view = start(greet_once, name="Alice")
    Run.objects.filter(pk=view.id).update(version=99)
    drive_until_idle()
    return get_run(view.id)


@pytest.mark.django_db
@pytest.mark.parametrize("made", [pending, waiting, blocked])
def test_a_run_that_nobody_drives_ends_at_once(made: Callable[[], RunView]) -> None:
    run = made()

    assert cancel(run.id, reason="changed my mind", by="alice")

    after = get_run(run.id)
    assert (after.state, after.wake_at, after.waiting_for) == (RunState.CANCELLED, None, ())
    assert after.finished_at is not None
    assert kinds(run.id)[-2:] == ENDED
    asked = {"by": "alice", "reason": "changed my mind", "via": ""}
    assert get_history(run.id)[-2].data == asked
    assert drive_until_idle() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_run_that_is_over_stays_as_it_is(state: RunState) -> None:
    run = Run.objects.create(workflow="tests.greet", version=1, state=state)

    assert not cancel(run.pk)

    assert get_run(run.pk).state == state
    assert kinds(run.pk) == []


@pytest.mark.django_db
def test_a_second_cancel_changes_nothing() -> None:
    run = waiting()
    cancel(run.id, by="alice")

    assert not cancel(run.id, by="bob")

    assert kinds(run.id).count(HistoryKind.CANCEL_REQUESTED) == 1


@pytest.mark.django_db
def test_nobody_can_cancel_what_does_not_exist() -> None:
    with pytest.raises(RunNotFound):
        cancel(uuid.uuid4())


@pytest.mark.django_db
def test_a_reason_that_cannot_be_kept_is_kept_as_far_as_it_can() -> None:
    run = waiting()

    cancel(run.id, reason="a\x00\ud800" + "x" * 5_000, by="\x00")

    asked = next(e for e in get_history(run.id) if e.kind == HistoryKind.CANCEL_REQUESTED)
    assert asked.data["by"] == "\ufffd"
    assert len(asked.data["reason"]) == 500


@pytest.mark.django_db
def test_a_cancelled_run_takes_no_event_and_no_timer_revives_it() -> None:
    run = driven(sleep_a_while, seconds=0.0001)
    run = run if run.state == RunState.WAITING else driven(sleep_a_while, seconds=3600)
    cancel(run.id)

    with pytest.raises(RunIsOver):
        send_event(run.id, "go")

    assert not retry_now(run.id)
    assert drive_until_idle() == 0


@pytest.mark.usefixtures("committed")
def test_a_cancel_is_rolled_back_with_its_transaction() -> None:
    run = waiting()

    with transaction.atomic():
        cancel(run.id)
        transaction.set_rollback(True)

    assert get_run(run.id).state == RunState.WAITING
    assert HistoryKind.CANCEL_REQUESTED not in kinds(run.id)


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=0))
def cancel_the_run_inside(run_id: uuid.UUID, fail: bool) -> str:
    cancel(run_id, by="a step")
    notes.note("cancelled")
    if fail:
        raise ValueError("and failed")
    return "kept"


@step(atomic=True)
def cancel_the_run_atomically(run_id: uuid.UUID, fail: bool) -> str:
    return cancel_the_run_inside(run_id, fail)


@workflow("tests.cancel_inside")
def cancelled_inside(run: Context, atomic: bool, fail: bool) -> str:
    function = cancel_the_run_atomically if atomic else cancel_the_run_inside
    run.step(function, run.run_id, fail)
    return run.step(greet, "Mallory")


@pytest.mark.django_db
@pytest.mark.parametrize("atomic", [False, True])
def test_the_step_under_way_is_recorded_and_the_run_goes_no_further(atomic: bool) -> None:
    run = driven(cancelled_inside, atomic=atomic, fail=False)

    assert (run.state, run.output) == (RunState.CANCELLED, None)
    assert kinds(run.id) == ["cancel_requested", "step_completed", "run_cancelled"]
    assert notes.done == ["cancelled"]


@pytest.mark.django_db
def test_a_step_that_fails_after_the_cancel_is_not_tried_again() -> None:
    run = driven(cancelled_inside, atomic=False, fail=True)

    assert run.state == RunState.CANCELLED
    assert notes.done == ["cancelled"]


@pytest.mark.django_db
def test_a_cancel_that_its_atomic_step_rolled_back_never_was() -> None:
    run = driven(cancelled_inside, atomic=True, fail=True)

    assert run.state == RunState.WAITING
    assert kinds(run.id) == ["attempt_failed"]


@pytest.mark.django_db
def test_cancel_beats_a_completion_that_comes_later() -> None:
    run = started_and_claimed(no_steps)
    cancel(run.id)

    drive(run)

    after = get_run(run.id)
    assert (after.state, after.output) == (RunState.CANCELLED, None)
    assert kinds(run.id) == ENDED


@pytest.mark.django_db
def test_a_completion_beats_a_cancel_that_comes_later() -> None:
    run = driven(no_steps)

    assert not cancel(run.id)

    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, "done")


@workflow("tests.fails_by_itself")
def failing(run: Context) -> None:
    raise ValueError("by itself")


@pytest.mark.django_db
def test_cancel_beats_a_failure_that_comes_later() -> None:
    run = started_and_claimed(failing)
    cancel(run.id)

    drive(run)

    assert (get_run(run.id).state, get_run(run.id).error) == (RunState.CANCELLED, None)


@pytest.mark.django_db
def test_cancel_beats_a_wait() -> None:
    run = started_and_claimed(wait_for_go)
    cancel(run.id)

    drive(run)

    assert get_run(run.id).state == RunState.CANCELLED


@pytest.mark.django_db
def test_cancel_beats_a_block() -> None:
    view = start(greet_once, name="Alice")
    Run.objects.filter(pk=view.id).update(version=99)
    run = claim()
    cancel(run.id)

    drive(run)

    assert get_run(run.id).state == RunState.CANCELLED


@pytest.mark.django_db
def test_cancel_beats_a_drain() -> None:
    run = started_and_claimed(greet_once, name="Alice")
    cancel(run.id)

    drive(run, stopping=lambda: True)

    assert get_run(run.id).state == RunState.CANCELLED
    assert notes.done == []


@pytest.mark.usefixtures("committed")
def test_a_cancelled_run_whose_worker_is_lost_is_cancelled_by_the_sweep() -> None:
    run = started_and_claimed(greet_once, name="Alice")
    cancel(run.id)
    expire_lease(run.id)

    swept()

    assert get_run(run.id).state == RunState.CANCELLED
    assert kinds(run.id) == ENDED


_running, _go_on = Event(), Event()


@step
def wait_for_the_test() -> str:
    _running.set()
    assert _go_on.wait(PATIENCE_SECONDS)
    return "done"


@workflow("tests.cancel_while_running")
def long_running(run: Context) -> str:
    run.step(wait_for_the_test)
    return run.step(greet, "Mallory")


@pytest.mark.usefixtures("committed")
def test_a_run_can_be_cancelled_from_another_connection_while_a_step_runs() -> None:
    _running.clear()
    _go_on.clear()
    view = start(long_running)
    driving = elsewhere(drive_until_idle)
    assert _running.wait(PATIENCE_SECONDS)

    asked = cancel(view.id, by="alice")
    meanwhile = get_run(view.id).state
    _go_on.set()
    driving.result(PATIENCE_SECONDS)

    assert (asked, meanwhile) == (True, RunState.CANCELLING)
    assert get_run(view.id).state == RunState.CANCELLED
    assert kinds(view.id) == ["cancel_requested", "step_completed", "run_cancelled"]
    assert notes.done == []


@pytest.mark.usefixtures("committed")
def test_a_cancel_that_races_with_a_claim_waits_for_it_and_asks_the_worker() -> None:
    view = start(greet_once, name="Alice")

    with transaction.atomic():
        run = claim()
        cancelling = elsewhere(lambda: cancel(view.id))
        until(somebody_waits_for_a_lock)

    assert cancelling.result(PATIENCE_SECONDS)
    assert get_run(run.id).state == RunState.CANCELLING


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(5))
def test_a_cancel_and_an_end_that_race_leave_exactly_one_outcome(turn: int) -> None:
    run = started_and_claimed(no_steps)
    barrier = Barrier(3)

    def racing(act: Callable[[], object]) -> object:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        return act()

    cancelling = elsewhere(lambda: racing(lambda: cancel(run.id)))
    completing = elsewhere(lambda: racing(lambda: drive(run)))
    failing = elsewhere(
        lambda: racing(lambda: end_run(run, RunState.FAILED, before=RunState.RUNNING))
    )
    asked = cancelling.result(PATIENCE_SECONDS)
    completing.result(PATIENCE_SECONDS)
    failing.result(PATIENCE_SECONDS)

    after, lines = get_run(run.id), kinds(run.id)
    ends = [kind for kind in lines if kind.startswith("run_")]
    assert after.is_over
    assert ends == [f"run_{after.state}"]
    assert (after.state == RunState.CANCELLED) is asked


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [cancel, retry_now, compensate])
def test_a_name_that_is_no_text_is_refused_with_a_sentence(verb: Callable[..., bool]) -> None:
    run = start(no_steps)

    with pytest.raises(InvalidInput, match=r"by is 5; give a text"):
        verb(run.id, by=5)

    assert get_history(run.id) == []
