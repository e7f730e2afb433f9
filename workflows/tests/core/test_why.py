"""A run that is held, set aside or over says why, in a sentence."""

import pytest

from workflows.api import (
    Cause,
    Context,
    Permanent,
    RetryPolicy,
    RunState,
    cancel,
    pause,
    start,
    step,
    why,
    workflow,
)
from workflows.models import Run
from workflows.store.queue import Code
from workflows.store.workers import enlist
from workflows.testing import fake
from workflows.tests.builders import claim, connected, driven, started_and_claimed
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db
THIS_CODE = Code(["tests.greet"], [1])


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=60, jitter=0))
def call_bank(amount: int) -> int:
    return amount


@workflow("tests.why_pays")
def pays(run: Context) -> int:
    return run.step(call_bank, 3)


@pytest.mark.usefixtures("committed")
def test_a_driven_run_tells_who_drives_it() -> None:
    run = started_and_claimed(greet_once, name="Ann")

    reason = why(run.id)

    assert (reason.cause, reason.sentence) == (Cause.DRIVEN, "A worker drives it.")


@pytest.mark.usefixtures("committed")
def test_a_worker_that_shows_no_life_is_told_as_silent() -> None:
    run = start(greet_once, name="Ann")
    with connected() as own:
        claim(worker_id=enlist(own, host="there", pid=77, code=THIS_CODE))
        alive = why(run)
    silent = why(run)

    assert (alive.cause, silent.cause) == (Cause.DRIVEN, Cause.SILENT)
    assert "on host there, pid 77" in alive.sentence
    assert silent.until is not None


def test_a_cancelled_run_that_is_driven_ends_at_its_next_operation() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    cancel(run.id)

    assert "has been cancelled, and ends at its next operation" in why(run.id).sentence


def test_a_paused_run_tells_by_whom_and_why() -> None:
    run = driven(wait_for_go)
    pause(run, by="ann", reason="the bank is closed")

    reason = why(run)

    assert reason.cause == Cause.PAUSED
    assert reason.sentence.startswith("Paused by ann at ")
    assert reason.sentence.endswith(": the bank is closed.")


def test_a_blocked_run_tells_what_is_wrong_with_its_code() -> None:
    with fake(call_bank, raises=Permanent("never")):
        failed = driven(pays)
    run = driven(wait_for_go)
    Run.objects.filter(pk=run.id).update(state=RunState.RUNNING)
    Run.objects.filter(pk=run.id).update(
        state=RunState.BLOCKED, error={"type": "KeyError", "message": "'colour'"}
    )

    assert why(run).sentence.startswith("Blocked: KeyError: 'colour'.")
    assert why(failed).cause == Cause.OVER
    assert "Permanent: never" in why(failed).sentence
