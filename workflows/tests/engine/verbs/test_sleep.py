"""Sleeping costs a row, ends by the database's clock, and never early."""

from datetime import datetime, timedelta

import pytest

from workflows.api import Context, RunState, get_history, get_run, retry_now, workflow
from workflows.testing import drive_until_idle, pass_time
from workflows.tests.builders import driven, kinds, row, until
from workflows.tests.flows import greet, notes, sleep_a_while

LONG = 3600.0


@workflow("tests.sleep_until")
def sleep_until_then(run: Context, moment: datetime) -> str:
    run.sleep_until(moment)
    return "awake"


@workflow("tests.sleep_twice")
def sleep_twice(run: Context) -> list[str]:
    first = run.now()
    run.sleep(LONG)
    run.step(greet, "Alice")
    run.sleep(LONG)
    return [first.isoformat(), run.now().isoformat()]


@pytest.mark.django_db
def test_a_sleeping_run_holds_nothing_but_its_row() -> None:
    run = driven(sleep_a_while, seconds=LONG)

    assert (run.state, run.waiting_for) == (RunState.WAITING, ())
    assert (row(run.id)["worker_id"], row(run.id)["lease_until"]) == (None, None)
    assert drive_until_idle() == 0


@pytest.mark.django_db
def test_the_run_goes_on_when_the_time_has_come() -> None:
    run = driven(sleep_a_while, seconds=LONG)

    pass_time(run.id)
    drive_until_idle()

    assert get_run(run.id).output == "awake"
    assert kinds(run.id) == ["sleep_started", "sleep_ended", "run_completed"]


@pytest.mark.django_db
def test_two_sleeps_count_one_after_the_other() -> None:
    run = driven(sleep_twice)

    pass_time(run.id)
    drive_until_idle()
    between = get_run(run.id)
    pass_time(run.id)
    drive_until_idle()

    assert (between.state, notes.done) == (RunState.WAITING, ["greet Alice"])
    assert between.wake_at is not None
    assert run.wake_at is not None
    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.django_db
def test_retry_now_does_not_shorten_a_sleep() -> None:
    run = driven(sleep_a_while, seconds=LONG)

    retry_now(run.id)
    drive_until_idle()

    after = get_run(run.id)
    assert (after.state, after.wake_at) == (RunState.WAITING, run.wake_at)
    assert kinds(run.id) == ["sleep_started", "woken"]


@pytest.mark.django_db
def test_a_moment_is_waited_for_as_given() -> None:
    moment = datetime.fromisoformat("2100-01-01T00:00:00.123456+02:00")

    run = driven(sleep_until_then, moment=moment)

    assert run.wake_at == moment


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1])
def test_a_real_sleep_never_ends_early(seconds: float) -> None:
    run = driven(sleep_a_while, seconds=seconds)

    if not run.is_over:
        until(drive_until_idle)

    started, ended, _ = get_history(run.id)
    assert ended.at >= datetime.fromisoformat(started.data["until"])
    assert ended.at - run.created_at >= timedelta(seconds=seconds)
