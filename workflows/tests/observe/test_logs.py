"""How runs end, in one line of the log each."""

import pytest

from workflows import signals
from workflows.api import Context, step, workflow
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE, greet_once
from workflows.tests.listening import listening

pytestmark = pytest.mark.django_db


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


def test_code_that_no_worker_has_is_said_with_what_to_do() -> None:
    with listening("workflows") as ear:
        signals.code_missing.send(
            sender=None, workflow="shop.order", version=2, runs=3, run_id="the-first"
        )

    [record] = ear.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "no living worker has code for shop.order version 2: 3 due, first the-first; start the "
        "clusters again so that they read new code, or deploy it"
    )
