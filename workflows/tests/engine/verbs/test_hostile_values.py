"""Values that PostgreSQL or the calendar refuse: a clear word, never a run that spins or is lost."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from workflows.api import (
    Context,
    RetryPolicy,
    RunState,
    RunView,
    Transient,
    get_history,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven

pytestmark = pytest.mark.usefixtures("committed")

_given: list[Any] = []
"""What the workflows below use; some of it could not cross as input."""
TWICE = RetryPolicy(attempts=2, first_delay_seconds=5, jitter=0)


@workflow("tests.hostile_sleep")
def sleeping(run: Context) -> None:
    run.sleep(_given[0])


@workflow("tests.hostile_sleep_until")
def sleeping_until(run: Context) -> None:
    run.sleep_until(_given[0])


@workflow("tests.hostile_timeout")
def waiting_so_long(run: Context) -> None:
    run.wait_event("go", timeout_seconds=_given[0])


@workflow("tests.hostile_name")
def waiting_for(run: Context) -> None:
    run.wait_event(_given[0])


@workflow("tests.hostile_label")
def labelled(run: Context) -> None:
    run.set_status(_given[0])


@step(retry=TWICE)
def come_back_later() -> None:
    raise Transient("busy", retry_after_seconds=_given[0])


@workflow("tests.hostile_retry_after")
def coming_back(run: Context) -> None:
    run.step(come_back_later)


def with_odd_name() -> None: ...


with_odd_name.__name__ = "odd\x00name"
oddly_named = step(with_odd_name)


@workflow("tests.hostile_step_name")
def running_an_odd_name(run: Context) -> None:
    run.step(oddly_named)


def shortly(value: object) -> str:
    return f"{value!r:.30}"


def drive_with(value: Any, workflow: Any) -> RunView:
    _given[:] = [value]
    return driven(workflow)


NO_TIME = [math.inf, math.nan, 1e12, 10**400, "5", timedelta(seconds=5)]


@pytest.mark.parametrize("seconds", [*NO_TIME, None], ids=shortly)
def test_a_sleep_of_no_sensible_length_blocks_with_a_clear_word(seconds: Any) -> None:
    run = drive_with(seconds, sleeping)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"].startswith("sleep: ")


@pytest.mark.parametrize("seconds", NO_TIME, ids=shortly)
def test_a_time_limit_of_no_sensible_length_blocks_with_a_clear_word(seconds: Any) -> None:
    run = drive_with(seconds, waiting_so_long)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"].startswith("wait_event: ")


@pytest.mark.parametrize("seconds", [-5, -math.inf, 0])
def test_a_time_that_has_passed_already_is_over_at_once(seconds: float) -> None:
    assert drive_with(seconds, sleeping).state == RunState.COMPLETED
    assert drive_with(seconds, waiting_so_long).state == RunState.COMPLETED


@pytest.mark.parametrize(
    "moment",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime(2026, 1, 1),  # noqa: DTZ001 - a time without a zone
        "2026-01-01",
        None,
    ],
    ids=shortly,
)
def test_a_moment_that_cannot_be_kept_blocks_with_a_clear_word(moment: Any) -> None:
    run = drive_with(moment, sleeping_until)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"].startswith("sleep_until: ")


def test_a_moment_long_ago_has_come() -> None:
    assert drive_with(datetime.min.replace(tzinfo=UTC), sleeping_until).state == "completed"


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "", "x" * 501, [], ["a", ""], ["a", "\x00"]])
def test_an_event_name_that_cannot_be_kept_blocks_with_a_clear_word(name: Any) -> None:
    run = drive_with(name, waiting_for)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"].startswith("wait_event(")


@pytest.mark.parametrize(
    ("label", "shown"), [("a\x00b", "a\ufffdb"), ("\ud800", "?"), ("x" * 5_000, "x" * 499 + "…")]
)
def test_a_label_is_shown_without_what_cannot_be_kept(label: str, shown: str) -> None:
    run = drive_with(label, labelled)

    assert (run.state, run.status) == (RunState.COMPLETED, shown)
    assert get_history(run.id)[0].name == shown


def test_a_label_that_is_no_text_blocks_with_a_clear_word() -> None:
    run = drive_with(None, labelled)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert run.error["message"].startswith("set_status: ")


@pytest.mark.parametrize("seconds", [math.inf, 1e12, 10**400], ids=shortly)
def test_a_retry_after_beyond_all_measure_waits_for_a_century_at_most(seconds: float) -> None:
    run = drive_with(seconds, coming_back)

    assert run.state == RunState.WAITING
    assert run.wake_at is not None
    assert timedelta(days=36_000) < run.wake_at - run.created_at < timedelta(days=37_000)
    assert [each.id for each in list_runs()] == [run.id]


@pytest.mark.parametrize("seconds", ["30", math.nan, timedelta(seconds=30)], ids=shortly)
def test_a_retry_after_that_is_no_number_is_the_error_of_that_attempt(seconds: Any) -> None:
    run = drive_with(seconds, coming_back)

    assert run.state == RunState.WAITING
    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.ATTEMPT_FAILED]
    assert failed.data["error"]["type"] == "TypeError"
    assert "retry_after_seconds" in failed.data["error"]["message"]


def test_what_the_database_refuses_by_its_nature_blocks_the_run_instead_of_spinning() -> None:
    view = start(running_an_odd_name)

    drives = drive_until_idle()

    run = get_run(view.id)
    assert (drives, run.state) == (1, RunState.BLOCKED)
    assert run.error is not None
    assert "NUL" in run.error["message"]
