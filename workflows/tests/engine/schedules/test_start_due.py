"""Ticks that are due: one run each, by overlap, after outages, whoever dies and whoever else looks."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from workflows.api import Context, Permanent, RunState, cancel, get_schedule, send_event
from workflows.engine.schedules.start_due import start_due
from workflows.models import Run, Schedule as Row
from workflows.store.database import intercepted
from workflows.testing import drive_until_idle
from workflows.tests.builders import connected, elsewhere
from workflows.tests.flows import greet_once
from workflows.tests.listening import announced
from workflows.tests.registering import own_workflows, registered
from workflows.tests.schedules import HOUR, let_pass, made, runs

pytestmark = pytest.mark.usefixtures("committed")


def test_nothing_is_started_before_its_time_and_the_wait_is_told() -> None:
    made()

    seconds = start_due()

    assert runs() == []
    assert seconds is not None and 0 < seconds <= HOUR


def test_without_schedules_there_is_nothing_to_wait_for() -> None:
    assert start_due() is None


def test_a_tick_is_one_run_with_the_key_of_schedule_and_tick() -> None:
    made()
    let_pass(HOUR)

    start_due()
    start_due()

    [run] = runs()
    after = get_schedule("report")
    assert run.key == f"schedule:report:{after.last_tick:%Y-%m-%dT%H:%M:%SZ}"
    assert (after.started, after.last_run_id, after.open_runs) == (1, run.pk, (run.pk,))


def test_a_tick_that_has_its_run_already_gets_no_second_one() -> None:
    made(overlap="allow")
    let_pass(HOUR)
    start_due()
    let_pass(HOUR)

    start_due()

    assert (len(runs()), get_schedule("report").started) == (1, 1)


def test_the_tick_is_told_to_a_parameter_of_that_name() -> None:
    def nightly(run: Context, scheduled_for: datetime, kind: str) -> str:
        return f"{kind} {scheduled_for:%H:%M} {scheduled_for.tzinfo}"

    with registered(nightly, "tests.nightly") as code:
        made(workflow=code, input={"kind": "short"})
        let_pass(HOUR)
        start_due()
        drive_until_idle()

    tick = get_schedule("report").last_tick
    assert tick is not None
    assert runs()[0].output == f"short {tick:%H:%M} UTC"


@pytest.mark.parametrize(
    ("overlap", "started", "waiting", "skipped"),
    [
        ("skip", 1, 0, 3),
        ("queue one", 1, 1, 2),
        ("queue all", 1, 3, 0),
        ("allow", 3, 0, 0),
    ],
)
def test_ticks_that_overlap(overlap: Any, started: int, waiting: int, skipped: int) -> None:
    made(overlap=overlap, catch_up_seconds=10 * HOUR)
    let_pass(HOUR)
    start_due()
    let_pass(3 * HOUR)

    start_due()

    after = get_schedule("report")
    assert (after.started, len(after.waiting), after.skipped) == (started, waiting, skipped)
    assert len(runs()) == started


def test_what_waits_starts_when_the_run_before_it_has_ended() -> None:
    made(overlap="queue all", catch_up_seconds=10 * HOUR)
    let_pass(3 * HOUR)
    start_due()
    seen = []

    for _ in range(3):
        drive_until_idle()
        seen.append([run.state for run in runs()])
        send_event(runs()[-1].pk, "go", None)
        drive_until_idle()
        Row.objects.update(next_at=datetime(2026, 1, 1, tzinfo=UTC))
        start_due()

    assert seen == [
        ["waiting"],
        ["completed", "waiting"],
        ["completed", "completed", "waiting"],
    ]
    assert get_schedule("report").waiting == ()


def test_cancel_previous_cancels_and_starts_the_newest_once_it_has_ended() -> None:
    made(overlap="cancel previous", catch_up_seconds=10 * HOUR)
    let_pass(2 * HOUR)
    start_due()
    [first] = runs()
    drive_until_idle()
    let_pass(HOUR)
    Run.objects.filter(pk=first.pk).update(key="schedule:report:earlier")

    start_due()
    Row.objects.update(next_at=datetime(2026, 1, 1, tzinfo=UTC))
    start_due()

    states = {run.pk: run.state for run in runs()}
    assert states.pop(first.pk) == "cancelled"
    assert list(states.values()) == ["pending"]
    assert get_schedule("report").open_runs == tuple(states)


def test_after_a_day_of_downtime_the_window_is_caught_up_with_and_the_rest_is_told() -> None:
    made(overlap="allow", catch_up_seconds=3.5 * HOUR)
    let_pass(24 * HOUR)

    with announced("schedule_passed_over") as told:
        start_due()

    after = get_schedule("report")
    assert (len(runs()), after.started + after.missed) in [(3, 24), (4, 24)]
    [(_, said)] = told
    assert (said["schedule"], said["missed"]) == ("report", after.missed)


def test_a_failed_run_pauses_its_schedule_before_the_next_tick() -> None:
    def fails(run: Context) -> None:
        raise Permanent("no data")

    with registered(fails, "tests.fails") as code:
        made(workflow=code, pause_on_failure=True)
        let_pass(HOUR)
        start_due()
        drive_until_idle()
        let_pass(2 * HOUR)
        with announced("schedule_paused") as told:
            start_due()
            start_due()

    after = get_schedule("report")
    assert (len(runs()), after.paused_by) == (1, "workflows")
    assert after.pause_note == f"run {runs()[0].pk} failed"
    assert [said["schedule"] for _, said in told] == ["report"]


def test_a_cancelled_run_is_no_failure() -> None:
    made(pause_on_failure=True)
    let_pass(HOUR)
    start_due()
    cancel(runs()[0].pk)
    Run.objects.update(key="schedule:report:earlier")
    let_pass(HOUR)

    start_due()

    assert (len(runs()), get_schedule("report").paused_at) == (2, None)


def test_a_run_that_went_on_by_continue_as_new_is_open_still() -> None:
    def loops(run: Context, turn: int = 0) -> None:
        if turn == 0:
            run.continue_as_new(turn=1)
        run.wait_event("go")

    with registered(loops, "tests.loops") as code:
        made(workflow=code)
        let_pass(HOUR)
        start_due()
        drive_until_idle()
        let_pass(2 * HOUR)
        start_due()

    living = Run.objects.get(state=RunState.WAITING)
    assert get_schedule("report").open_runs == (living.pk,)
    assert Run.objects.count() == 2


def test_a_schedule_that_cannot_start_is_told_put_off_and_holds_up_no_other() -> None:
    def strict(run: Context, day: str) -> None: ...

    def stricter(run: Context, day: str, number: int) -> None: ...

    with registered(strict, "tests.strict") as code:
        made("broken", workflow=code, input={"day": "Monday"})
    made("fine", workflow=greet_once, input={"name": "Alice"})
    let_pass(HOUR, "broken")
    let_pass(HOUR, "fine")

    with registered(stricter, "tests.strict"), announced("schedule_failed") as told:
        seconds = start_due()

    assert [run.workflow for run in runs()] == ["tests.greet"]
    assert [said["schedule"] for _, said in told] == ["broken"]
    assert "missing a required argument: 'number'" in get_schedule("broken").problem
    assert seconds is not None and seconds > 30


def test_a_row_that_was_written_past_the_engine_holds_up_nobody() -> None:
    made("broken")
    made("fine")
    let_pass(2 * HOUR, "broken")
    let_pass(HOUR, "fine")
    Row.objects.filter(name="broken").update(zone="Nowhere/At_all")

    with announced("schedule_failed") as told:
        start_due()

    assert [run.key.split(":")[1] for run in runs() if run.key] == ["fine"]
    assert "no time zone" in str(told[0][1]["error"])


def test_schedules_of_code_that_is_not_here_are_left_to_others() -> None:
    made()
    let_pass(HOUR)

    with own_workflows(alone=True):
        assert start_due() is None

    assert runs() == []


def test_two_pushers_at_once_start_one_run() -> None:
    made()
    let_pass(HOUR)

    with connected() as one, connected() as other:
        looks = [elsewhere(partial(start_due, own)) for own in (one, other)]
        for look in looks:
            look.result()

    assert len(runs()) == 1


def test_who_finds_the_row_locked_looks_again_soon() -> None:
    made()
    let_pass(HOUR)

    with connected() as holder, connected() as other, holder.transaction():
        holder.execute("SELECT FROM workflows_schedule FOR UPDATE")
        seconds = start_due(other)

    assert runs() == []
    assert seconds is not None and 0 < seconds < 1


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("statement", [1, 2, 3, 4])
def test_killed_anywhere_a_tick_has_one_run(statement: int, behind: bool) -> None:
    made()
    let_pass(HOUR)
    seen = 0

    def die(send: Any, asked: Any, params: Any, on: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == statement and not behind:
            on.close()
        answer = send(asked, params, on)
        if seen == statement:
            on.close()
        return answer

    with connected() as dying, intercepted(die), pytest.raises(psycopg.OperationalError):
        start_due(dying)
    with connected() as other:
        start_due(other)

    assert seen >= statement
    assert (len(runs()), get_schedule("report").started) == (1, 1)


def test_the_delay_by_chance_is_kept() -> None:
    made(jitter_seconds=HOUR)
    begins = get_schedule("report").next_at
    tick = get_schedule("report").next_tick

    assert begins is not None and tick is not None
    assert tick <= begins < tick + timedelta(hours=1)
