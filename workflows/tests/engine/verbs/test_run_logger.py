"""The run's logger speaks once for each thing that happens, and never in a replay."""

import pytest

from workflows import signals
from workflows.api import Context, get_run, send_event, step, workflow
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE, greet, greet_once
from workflows.tests.listening import listening

pytestmark = pytest.mark.django_db


@workflow("tests.talking")
def talking(run: Context) -> None:
    run.log.info("one")
    run.step(greet, "Alice")
    run.log.info("two")
    run.wait_event("go")
    run.log.info("three")
    run.uuid()
    run.step(greet, "Bob")
    run.log.warning("four %d", 4)
    run.wait_event("go")
    run.log.info("five")


def test_each_line_is_said_once_however_often_the_run_is_replayed() -> None:
    with listening("workflows.run") as ear:
        run = driven(talking)
        for _ in range(2):
            send_event(run.id, "go")
            drive_until_idle()

    said = [record.getMessage().rsplit(": ", 1)[1] for record in ear.records]
    assert get_run(run.id).is_over
    assert said == ["one", "two", "three", "four 4", "five"]


def test_each_line_names_its_run() -> None:
    with listening("workflows.run") as ear:
        run = driven(talking)

    assert ear.records[0].getMessage() == f"tests.talking {run.id}: one"
    assert vars(ear.records[0])["run_id"] == str(run.id)
    assert vars(ear.records[0])["workflow"] == "tests.talking"


@step(retry=ONCE)
def fail() -> None:
    raise ValueError("bad link")


@workflow("tests.failing_loudly")
def failing_loudly(run: Context) -> None:
    run.step(fail)


def test_the_engine_says_how_runs_end_in_one_line_each() -> None:
    with listening("workflows") as ear:
        good, bad = driven(greet_once, name="Alice"), driven(failing_loudly)

    completed, attempt, failed = [record.getMessage() for record in ear.records]
    assert completed == f"tests.greet {good.id} completed"
    assert attempt == (
        f"tests.failing_loudly {bad.id}: step fail, attempt 1 failed (no more attempts): "
        "ValueError: bad link"
    )
    assert failed == (
        f"tests.failing_loudly {bad.id} failed: workflows.core.errors.StepFailed: "
        "step 'fail' failed after 1 attempt: ValueError: bad link"
    )


def test_run_finished_tells_the_error_as_documented() -> None:
    told: list[object] = []

    def listen(**facts: object) -> None:
        told.append(facts["error"])

    signals.run_finished.connect(listen)
    driven(greet_once, name="Alice")
    run = driven(failing_loudly)
    signals.run_finished.disconnect(listen)

    assert told == [None, run.error]
