"""Waiting for events: kept if early, consumed once, and at the deadline exactly one side wins."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from workflows.api import (
    Context,
    RunIsOver,
    RunState,
    get_history,
    get_run,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.run import ClaimedRun
from workflows.engine.drive.drive import drive
from workflows.models import Event, Run
from workflows.store.history import Written, append
from workflows.testing import drive_until_idle, pass_time
from workflows.tests.builders import PATIENCE_SECONDS, claim, driven, elsewhere, kinds, until
from workflows.tests.flows import wait_for_either, wait_for_go

LONG = 3600.0


def output_after_driving(run_id: uuid.UUID) -> Any:
    drive_until_idle()
    run = get_run(run_id)
    assert run.state == RunState.COMPLETED
    return run.output


@pytest.mark.django_db
def test_a_wait_returns_the_payload() -> None:
    run = driven(wait_for_go)

    send_event(run.id, "go", {"b": [1, None], "a": "x"})

    assert output_after_driving(run.id) == {"b": [1, None], "a": "x"}
    assert kinds(run.id) == ["wait_started", "event_received", "run_completed"]


@pytest.mark.django_db
def test_an_event_that_came_before_the_wait_is_kept_for_it() -> None:
    run = start(wait_for_go)
    send_event(run.id, "go", "early")

    assert output_after_driving(run.id) == "early"
    assert kinds(run.id) == ["event_received", "run_completed"]


@workflow("tests.notes_before_an_event")
def notes_before_an_event(run: Context) -> None:
    """Note something, take an event that lies there, and wait for another."""
    run.data["stage"] = "took one"
    run.attributes["colour"] = "red"
    run.wait_event("go")
    run.wait_event("stop")


@pytest.mark.django_db
def test_what_was_noted_is_stored_with_the_event_that_is_taken() -> None:
    run = start(notes_before_an_event)
    send_event(run.id, "go")

    drive_until_idle()

    parked = get_run(run.id)
    assert (parked.data, parked.attributes) == ({"stage": "took one"}, {"colour": "red"})


@pytest.mark.django_db
def test_an_event_without_payload_returns_none_and_is_told_from_a_time_out() -> None:
    run = start(wait_for_either)
    send_event(run.id, "go")

    assert output_after_driving(run.id) == ["go", None]


@pytest.mark.django_db
def test_a_wait_for_several_names_takes_the_first_that_came() -> None:
    run = driven(wait_for_either)
    assert run.waiting_for == ("go", "stop")

    send_event(run.id, "other", 0)
    send_event(run.id, "stop", 1)
    send_event(run.id, "go", 2)

    assert output_after_driving(run.id) == ["stop", 1]


@dataclass
class Details:
    name: str
    at: datetime


@pytest.mark.django_db
def test_a_payload_may_be_whatever_can_be_kept() -> None:
    run = driven(wait_for_go)

    send_event(run.id, "go", Details("x", datetime(2026, 1, 1, 12)))  # noqa: DTZ001

    assert output_after_driving(run.id) == {"name": "x", "at": "2026-01-01T12:00:00"}


@workflow("tests.wait_thrice")
def wait_thrice(run: Context) -> list[Any]:
    return [run.wait_event("go", timeout_seconds=LONG) for _ in range(3)]


@pytest.mark.django_db
def test_each_wait_takes_one_event_oldest_first() -> None:
    run = start(wait_thrice)
    for payload in ("a", "b", "c"):
        send_event(run.id, "go", payload)

    assert output_after_driving(run.id) == ["a", "b", "c"]
    assert list(Event.objects.order_by("id").values_list("position", flat=True)) == [1, 2, 3]


@pytest.mark.django_db
def test_a_duplicate_is_taken_once() -> None:
    run = start(wait_thrice)
    for _ in range(3):
        send_event(run.id, "go", "again", key="delivery-1")
    drive_until_idle()

    assert get_run(run.id).state == RunState.WAITING
    assert kinds(run.id) == ["event_received", "wait_started"]


@pytest.mark.django_db
def test_a_wait_without_a_limit_waits_for_the_event_alone() -> None:
    run = driven(wait_for_go)

    assert (run.state, run.wake_at, run.waiting_for) == (RunState.WAITING, None, ("go",))


@pytest.mark.django_db
def test_retry_now_lets_a_wait_look_again_and_go_on_waiting() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)

    retry_now(run.id)
    drive_until_idle()

    after = get_run(run.id)
    assert (after.state, after.wake_at, after.waiting_for) == ("waiting", run.wake_at, ("go",))
    assert kinds(run.id) == ["wait_started", "woken"]


@pytest.mark.django_db
def test_the_deadline_stays_where_it_was_after_an_event_of_another_name() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)

    send_event(run.id, "other")

    assert drive_until_idle() == 0
    assert get_run(run.id).wake_at == run.wake_at


@pytest.mark.django_db
def test_the_time_out_returns_none_and_is_recorded() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)

    pass_time(run.id)

    assert output_after_driving(run.id) is None
    assert kinds(run.id) == ["wait_started", "wait_timed_out", "run_completed"]


def claimed_at(run_id: uuid.UUID, after_deadline: timedelta) -> ClaimedRun:
    """Claim a waiting run as if the clock stood so far from its deadline."""
    deadline = get_run(run_id).wake_at
    assert deadline is not None
    Run.objects.filter(pk=run_id).update(wake_at=get_run(run_id).created_at)
    return replace(claim(), now=deadline + after_deadline)


@pytest.mark.django_db
def test_a_microsecond_before_the_deadline_the_wait_goes_on() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)

    drive(claimed_at(run.id, -timedelta(microseconds=1)))

    after = get_run(run.id)
    assert (after.state, after.wake_at) == (RunState.WAITING, run.wake_at)


@pytest.mark.django_db
def test_at_the_deadline_the_wait_is_over() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)

    drive(claimed_at(run.id, timedelta()))

    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.django_db
def test_an_event_accepted_before_the_time_out_is_recorded_wins() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)
    late = claimed_at(run.id, timedelta(seconds=10))
    send_event(run.id, "go", "just in time")

    drive(late)

    assert get_run(run.id).output == "just in time"


@pytest.mark.django_db
def test_an_event_of_another_name_does_not_keep_the_time_out_from_winning() -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)
    late = claimed_at(run.id, timedelta(seconds=10))
    send_event(run.id, "other")

    drive(late)

    assert get_run(run.id).output is None


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "output"), [("go", "taken"), ("other", None)])
def test_an_event_between_the_look_at_the_inbox_and_the_time_out_is_not_lost(
    name: str, output: str | None
) -> None:
    run = driven(wait_for_go, timeout_seconds=LONG)
    late, appends = claimed_at(run.id, timedelta(seconds=1)), 0

    def send_first(*args: Any, **kwargs: Any) -> Written | None:
        nonlocal appends
        appends += 1
        if appends == 1:
            send_event(run.id, name, "taken")
        return append(*args, **kwargs)

    with mock.patch("workflows.store.history.append", send_first):
        drive(late)

    assert appends >= 1
    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, output)


@step
def send_to_own_run(run_id: uuid.UUID, name: str) -> None:
    send_event(run_id, name, "from a step")


@workflow("tests.send_to_itself")
def sending_to_itself(run: Context, name: str) -> Any:
    run.step(send_to_own_run, run.run_id, name)
    return run.wait_event("go", timeout_seconds=LONG)


@pytest.mark.django_db
def test_an_event_that_comes_while_the_run_is_driven_is_found_before_it_parks() -> None:
    run = driven(sending_to_itself, name="go")

    assert (run.state, run.output, run.attempt) == (RunState.COMPLETED, "from a step", 1)


@pytest.mark.django_db
def test_an_event_of_another_name_that_comes_while_the_run_is_driven_lets_it_park() -> None:
    run = driven(sending_to_itself, name="other")

    assert (run.state, run.attempt) == (RunState.WAITING, 1)
    assert kinds(run.id) == ["step_completed", "wait_started"]


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(8))
def test_an_event_that_races_with_the_time_out_is_either_taken_or_refused(turn: int) -> None:
    run = driven(wait_for_either, timeout_seconds=LONG)
    late = claimed_at(run.id, timedelta(seconds=1))
    barrier = Barrier(2)

    def send() -> bool:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        try:
            send_event(run.id, "go", "taken")
        except RunIsOver:
            return False
        return True

    sending = elsewhere(send)
    barrier.wait(PATIENCE_SECONDS)
    drive(late)
    accepted = sending.result(PATIENCE_SECONDS)

    after = get_run(run.id)
    left = Event.objects.filter(run_id=run.id, position=None).exists()
    assert after.state == RunState.COMPLETED
    # Accepted and not taken: it came between the time-out's record and the run's end.
    assert after.output == (["go", "taken"] if accepted and not left else [])


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(8))
def test_an_event_that_races_with_the_park_wakes_the_run(turn: int) -> None:
    run = start(wait_for_go)
    barrier = Barrier(2)

    def send() -> None:
        connection.ensure_connection()
        barrier.wait(PATIENCE_SECONDS)
        send_event(run.id, "go", "taken")

    sending = elsewhere(send)
    claimed = claim()
    barrier.wait(PATIENCE_SECONDS)
    drive(claimed)
    sending.result(PATIENCE_SECONDS)
    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, "taken")


@pytest.mark.usefixtures("committed")
def test_a_real_deadline_is_met_and_never_early() -> None:
    run = driven(wait_for_go, timeout_seconds=0.2)
    assert run.wake_at is not None

    until(drive_until_idle)

    [ended] = [e for e in get_history(run.id) if e.kind == "wait_timed_out"]
    assert ended.at >= run.wake_at
    assert run.wake_at - run.created_at >= timedelta(seconds=0.2)
