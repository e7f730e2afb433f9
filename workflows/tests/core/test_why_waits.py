"""A run that waits says for what, and until when."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from workflows.api import (
    Cause,
    Context,
    Limit,
    RetryPolicy,
    UpdateTimedOut,
    send_event,
    start,
    step,
    update,
    why,
    workflow,
)
from workflows.models import Run
from workflows.testing import fake
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=60, jitter=0))
def call_bank(amount: int) -> int:
    return amount


@workflow("tests.why_waits_pays")
def pays(run: Context) -> int:
    return run.step(call_bank, 3)


@workflow("tests.why_waits_one_at_a_time", concurrency=Limit(1))
def one_at_a_time(run: Context) -> object:
    return run.wait_event("go")


@workflow("tests.why_waits_answers")
def answers(run: Context) -> object:
    run.on_update("add", abs)
    run.on_update("drop", abs)
    return run.wait_event("go")


@workflow("tests.why_waits_sleeps")
def sleeps(run: Context) -> None:
    run.sleep(3600)


@workflow("tests.why_waits_waits_for_child")
def waits_for_child(run: Context) -> object:
    return run.start_child(wait_for_go).result()


def waited_for_event(**given: Any) -> Run:
    return Run.objects.get(pk=driven(wait_for_go, **given).id)


def test_a_run_that_waits_for_an_event_names_it_and_what_came_instead() -> None:
    run = waited_for_event()
    send_event(run.pk, "stop")

    reason = why(run.pk)

    assert reason.cause == Cause.EVENT
    assert reason.sentence == (
        "It waits for event 'go', without a limit in time. Sent, and not asked for yet: 'stop'."
    )
    assert reason.until is None


def test_a_run_that_answers_updates_calls_them_so() -> None:
    run = driven(answers)
    with pytest.raises(UpdateTimedOut):
        update(run, "ad", 7, timeout_seconds=0)

    assert why(run).sentence == (
        "It waits for event 'go' or update 'add' or 'drop', without a limit in time. "
        "Sent, and not asked for yet: update 'ad'."
    )


def test_a_wait_with_a_limit_in_time_tells_when_that_ends() -> None:
    run = waited_for_event(timeout_seconds=600)

    assert why(run.pk).until == run.wake_at


def test_a_step_between_two_attempts_is_told_with_its_error() -> None:
    with fake(call_bank, raises=OSError("no line")):
        run = driven(pays)

    reason = why(run)

    assert reason.cause == Cause.RETRY
    assert "Step 'call_bank' failed (" in reason.sentence
    assert "OSError: no line), attempt 1;" in reason.sentence
    assert reason.until == run.wake_at


def test_a_sleeping_run_and_one_that_was_put_off_tell_when_they_go_on() -> None:
    asleep = driven(sleeps)
    put_off = start.using(deadline_seconds=9000)(greet_once, name="Ann")
    Run.objects.filter(pk=put_off.id).update(wake_at=Now() + timedelta(hours=1))

    assert why(asleep).sentence.startswith("It sleeps at ")
    assert why(put_off).sentence.startswith("It begins at ")
    assert why(asleep).until == asleep.wake_at


def test_a_parent_names_the_child_that_it_waits_for() -> None:
    run = driven(waits_for_child)
    [child] = Run.objects.filter(parent_id=run.id)

    reason = why(run)

    assert reason.cause == Cause.CHILD
    assert f"child tests.wait {child.pk} (waiting)" in reason.sentence


def test_a_run_that_waits_for_a_limit_says_how_full_it_is() -> None:
    driven(one_at_a_time)
    run = driven(one_at_a_time)

    reason = why(run)

    assert reason.cause == Cause.LIMIT
    assert "1 of 1" in reason.sentence
