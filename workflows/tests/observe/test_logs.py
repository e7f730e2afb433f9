"""How runs end, in one line of the log each."""

import pytest

from workflows import signals
from workflows.api import Context, compensate, pause, resume, retry, step, workflow
from workflows.observe import once_a_minute
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE, greet_once, wait_for_go
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


def test_who_steers_a_run_is_named_with_the_reason() -> None:
    with listening("workflows") as ear:
        run = driven(wait_for_go)
        pause(run.id, by="ann", reason="tea")
        resume(run.id, by="ann", reason="back")
        retry(run.id)

    assert [record.getMessage() for record in ear.records] == [
        f"tests.wait {run.id} is paused by ann: tea",
        f"tests.wait {run.id} is resumed by ann: back",
        f"tests.wait {run.id} is retried by somebody: ",
    ]


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
            sender=None, workflow="shop.order", version=2, runs=3, run_id="the-first", pool=None
        )

    [record] = ear.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "no living worker has code for shop.order version 2: 3 due, first the-first; start the "
        "clusters again so that they read new code, or deploy it"
    )


def test_a_pool_that_no_worker_serves_is_said_with_what_to_do() -> None:
    with listening("workflows") as ear:
        signals.code_missing.send(
            sender=None, workflow="shop.order", version=2, runs=3, run_id="the-first", pool="gpu"
        )

    assert ear.records[0].getMessage() == (
        "no living worker serves the pool 'gpu' of shop.order version 2: 3 due, first the-first; start a "
        "cluster with `runcluster --pool gpu`"
    )


@step
def take_back(output: None) -> None: ...


@step(compensate=take_back)
def give() -> None: ...


@workflow("tests.undone_loudly", on_failure="compensate")
def undone_loudly(run: Context) -> None:
    run.step(give)
    run.step(fail)


@workflow("tests.failing_with_something_to_undo")
def failing_with_something_to_undo(run: Context) -> None:
    run.step(give)
    run.step(fail)


def test_a_run_that_failed_and_was_undone_leaves_a_line_with_what_it_had_failed_with() -> None:
    with listening("workflows") as ear:
        run = driven(undone_loudly)

    told = ear.records[-1]
    assert told.levelname == "WARNING"
    assert told.getMessage() == (
        f"tests.undone_loudly {run.id} compensated: workflows.core.errors.StepFailed: "
        "step 'fail' failed after 1 attempt: ValueError: bad link"
    )


def test_a_run_that_an_operator_has_undone_later_says_so_too() -> None:
    run = driven(failing_with_something_to_undo)
    compensate(run.id)

    with listening("workflows") as ear:
        drive_until_idle()

    assert "compensated: workflows.core.errors.StepFailed" in ear.records[-1].getMessage()


def recover(*runs: tuple[str, str, str]) -> None:
    reasons = [f"its process died, on host there, pid {run_id}" for run_id, _, _ in runs]
    signals.runs_recovered.send(sender=None, runs=list(runs), reasons=reasons)


def test_recoveries_are_said_once_a_minute_for_each_workflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening("workflows") as ear:
        recover(("1", "shop.order", "pending"), ("2", "shop.order", "pending"))
        recover(("3", "shop.order", "pending"), ("4", "shop.bill", "pending"))
        monkeypatch.setattr(once_a_minute, "SAY_AGAIN_SECONDS", 0.0)
        recover(("5", "shop.order", "pending"))

    assert [record.getMessage() for record in ear.records] == [
        "shop.order 1: its worker was lost: its process died, on host there, pid 1; now pending",
        "shop.bill 4: its worker was lost: its process died, on host there, pid 4; now pending",
        "shop.order 5: its worker was lost: its process died, on host there, pid 5; now pending "
        "(2 more since it was last said)",
    ]


def test_a_run_that_is_blocked_by_lost_workers_is_one_error() -> None:
    with listening("workflows") as ear:
        recover(("1", "shop.order", "blocked"))
        error = {"type": "TooManyCrashes", "message": "5 workers in a row were lost"}
        signals.run_blocked.send(sender=None, run_id="1", workflow="shop.order", error=error)

    [record] = ear.records
    assert record.levelname == "ERROR"
    assert "is blocked: TooManyCrashes: 5 workers in a row were lost" in record.getMessage()
