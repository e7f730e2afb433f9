"""The operator's verbs on schedules, and what there is to see of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from workflows import api
from workflows.api import (
    Context,
    InvalidInput,
    ScheduleNotFound,
    UnknownWorkflow,
    backfill_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
    next_times,
    pause_schedule,
    put_schedule,
    resume_schedule,
    send_event,
    start,
    trigger_schedule,
)
from workflows.engine.schedules.start_due import start_due
from workflows.models import Schedule as Row
from workflows.testing import drive_until_idle
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.listening import announced
from workflows.tests.registering import registered
from workflows.tests.schedules import HOUR, let_pass, made, runs

pytestmark = pytest.mark.usefixtures("committed")


def test_the_next_ten_times_are_told_in_the_schedules_zone() -> None:
    made(cron="0 3 * * *", zone="America/New_York")

    times = next_times("report")

    assert len(times) == 10
    assert {(each.hour, each.minute) for each in times} == {(3, 0)}
    assert times == sorted(times)


def test_of_a_single_tick_there_is_one_time_and_none_once_it_has_been() -> None:
    moment = get_schedule(made(every_seconds=1).name).done_until + timedelta(hours=1)
    made("once", at=moment)

    before = next_times("once")
    Row.objects.filter(name="once").update(next_at=moment - timedelta(hours=2))
    Row.objects.filter(name="once").update(done_until=moment)

    assert (before, next_times("once")) == ([moment], [])


def test_a_single_tick_is_started_once() -> None:
    tick = get_schedule(made("now").name).done_until - timedelta(seconds=5)
    delete_schedule("now")
    made("once", at=tick)

    start_due()
    start_due()

    [run] = runs()
    assert get_schedule("once").next_at is None
    assert run.key == api.get_run(run.pk).key


def test_a_change_is_exactly_what_is_given_and_keeps_the_story() -> None:
    made(jitter_seconds=60)
    let_pass(HOUR)
    start_due()

    changed = put_schedule("report", wait_for_go, cron="0 3 * * *", by="alice")

    assert (changed.rules.jitter_seconds, changed.started, len(changed.open_runs)) == (0, 1, 1)
    assert changed.rules.timing.every_seconds is None


def test_an_input_is_read_by_the_workflows_annotations() -> None:
    def dated(run: Context, day: datetime) -> str:
        return f"{day:%A}"

    with registered(dated, "tests.dated") as code:
        put_schedule("dated", code, every_seconds=60, input={"day": "2026-03-01T00:00:00Z"})
        trigger_schedule("dated")
        drive_until_idle()
        with pytest.raises(InvalidInput, match=r"input of 'tests\.dated'"):
            put_schedule("dated", code, every_seconds=60, input={"day": "soon"})

    assert runs()[0].output == "Sunday"


def test_a_paused_schedule_starts_nothing_and_goes_on_with_the_next_tick() -> None:
    made()
    assert pause_schedule("report", reason="no paper", by="alice")
    assert not pause_schedule("report")
    paused = get_schedule("report")
    let_pass(2 * HOUR)
    start_due()

    assert resume_schedule("report", by="bob")
    assert not resume_schedule("report")
    start_due()

    assert (paused.paused_by, paused.pause_note, paused.rests) == ("alice", "no paper", True)
    assert (runs(), get_schedule("report").rests) == ([], False)


def test_a_trigger_starts_a_run_at_once_whatever_is_open_and_also_in_a_pause() -> None:
    made()
    pause_schedule("report")

    with announced("schedule_triggered", "run_started") as told:
        first = trigger_schedule("report", by="alice", reason="the boss waits")
        second = trigger_schedule("report")

    assert get_schedule("report").open_runs == (first.id, second.id)
    said = next(given for name, given in told if name == "schedule_triggered")
    assert (said["by"], said["reason"], said["runs"]) == ("alice", "the boss waits", [first.id])


def test_a_trigger_is_lost_with_the_callers_transaction() -> None:
    made()

    with transaction.atomic():
        trigger_schedule("report")
        transaction.set_rollback(True)

    assert (runs(), get_schedule("report").started) == ([], 0)


def test_a_triggered_run_is_seen_by_the_next_tick() -> None:
    made()
    trigger_schedule("report")
    let_pass(HOUR)

    start_due()

    assert (len(runs()), get_schedule("report").skipped) == (1, 1)


def last_hours(count: int) -> tuple[datetime, datetime]:
    """Return a range with so many ticks of an hourly schedule."""
    end = get_schedule("report").done_until.astimezone(UTC)
    newest = end.replace(minute=0, second=0, microsecond=0)
    return newest - timedelta(hours=count - 1), newest


def test_a_backfill_starts_the_ticks_that_have_no_run() -> None:
    made(overlap="allow")
    let_pass(HOUR)
    start_due()

    ticks = backfill_schedule("report", *last_hours(3))

    assert len(ticks) == 3
    assert (len(runs()), get_schedule("report").started) == (3, 3)
    assert {run.key for run in runs()} == {
        f"schedule:report:{each:%Y-%m-%dT%H:%M:%SZ}" for each in ticks
    }


def test_a_backfill_goes_one_after_the_other_where_runs_may_not_overlap() -> None:
    made()
    backfill_schedule("report", *last_hours(3))

    for _ in range(5):
        Row.objects.update(next_at=datetime(2026, 1, 1, tzinfo=UTC))
        start_due()
        drive_until_idle()
        send_event(runs()[-1].pk, "go", None, key="once")
        drive_until_idle()

    assert [run.state for run in runs()] == ["completed"] * 3
    assert (get_schedule("report").waiting, get_schedule("report").skipped) == ((), 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": datetime.fromisoformat("2026-01-01")}, "two aware datetimes"),
        ({"end": datetime(2999, 1, 1, tzinfo=UTC)}, "an end in the past"),
        ({"start": datetime(2000, 1, 1, tzinfo=UTC)}, "more than 1,000 ticks"),
    ],
)
def test_a_range_that_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    made()
    start, end = last_hours(2)

    with pytest.raises(InvalidInput, match=words):
        backfill_schedule("report", **{"start": start, "end": end, **given})


def test_a_backfill_of_runs_that_cancel_each_other_is_refused() -> None:
    made(overlap="cancel previous")

    with pytest.raises(InvalidInput, match="another overlap"):
        backfill_schedule("report", *last_hours(2))


def test_what_is_deleted_is_gone_and_its_runs_stay() -> None:
    made()
    trigger_schedule("report")

    delete_schedule("report", by="alice")

    assert (list_schedules(), len(runs())) == ([], 1)


def test_what_the_code_declares_is_neither_deleted_nor_given_another_workflow() -> None:
    made()
    Row.objects.update(declared={})

    with pytest.raises(InvalidInput, match="pause it instead"):
        delete_schedule("report")
    with pytest.raises(InvalidInput, match=r"declared on .tests\.wait. in the code"):
        put_schedule("report", greet_once, every_seconds=60, input={"name": "Alice"})


@pytest.mark.parametrize(
    "verb",
    [get_schedule, next_times, pause_schedule, resume_schedule, trigger_schedule, delete_schedule],
)
def test_a_schedule_that_there_is_not_is_told(verb: Callable[[str], object]) -> None:
    with pytest.raises(ScheduleNotFound, match="there is no schedule 'nothing'"):
        verb("nothing")


def test_words_that_are_none_are_refused() -> None:
    made()

    with pytest.raises(InvalidInput, match="by is 7"):
        pause_schedule("report", by=7)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="count is -1"):
        next_times("report", count=-1)
    with pytest.raises(UnknownWorkflow):
        put_schedule("report", "tests.nothing", every_seconds=60)


def test_workflow_code_cannot_steer_schedules() -> None:
    def meddles(run: Context) -> None:
        pause_schedule("report")

    made()
    with registered(meddles, "tests.meddles") as code:
        run = start(code)
        drive_until_idle()

    error = api.get_run(run.id).error
    assert error is not None and "calls pause_schedule()" in error["message"]


@pytest.mark.parametrize(
    ("day", "hours", "nightly"), [("2026-03-29", 23, "01:00:00Z"), ("2025-10-26", 25, "00:30:00Z")]
)
def test_over_a_change_of_clocks_each_tick_has_one_run(day: str, hours: int, nightly: str) -> None:
    zone = ZoneInfo("Europe/Brussels")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = begin + timedelta(days=1, microseconds=-1)
    made("hourly", cron="30 * * * *", zone="Europe/Brussels", overlap="allow")
    made("nightly", cron="30 2 * * *", zone="Europe/Brussels", overlap="allow")

    for _ in range(2):
        for name in ("hourly", "nightly"):
            backfill_schedule(name, begin, end)

    keys = [str(run.key) for run in runs()]
    assert len([key for key in keys if key.startswith("schedule:hourly:")]) == hours
    assert [key for key in keys if "nightly" in key] == [f"schedule:nightly:{day}T{nightly}"]
