"""Failed attempts: recorded, waited after, bounded, and the same error live and replayed."""

import uuid
from datetime import datetime

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from workflows.api import (
    Context,
    HistoryEntry,
    Permanent,
    RetryPolicy,
    RunState,
    StepFailed,
    StepState,
    Transient,
    current_step,
    get_history,
    get_run,
    list_steps,
    retry_now,
    send_event,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HeldRun, StepSeen
from workflows.store import heartbeats as store
from workflows.store.sweep import STEP_OVERRAN, Told, sweep
from workflows.testing import advance, drive_until_idle, pass_time
from workflows.tests.builders import driven, expire_lease, kinds, started_and_claimed
from workflows.tests.flows import NOW, notes

pytestmark = pytest.mark.django_db

PATIENT = RetryPolicy(attempts=4, first_delay_seconds=10, factor=3, max_delay_seconds=50, jitter=0)


class Rejected(Permanent):
    """A permanent error of the application's own."""


def fail(how: str) -> None:
    notes.note("tried")
    match how:
        case "permanent":
            raise Rejected("bad link")
        case "later":
            raise Transient("busy", retry_after_seconds=1000)
        case "sooner":
            raise Transient("busy", retry_after_seconds=-5)
        case "transient":
            raise Transient("busy")
        case "permanent among others":
            raise ExceptionGroup("two", [OSError("full"), ExceptionGroup("in", [Rejected("bad")])])
        case "later among others":
            raise ExceptionGroup(
                "two", [OSError("full"), Transient("busy", retry_after_seconds=90)]
            )
        case "third time lucky" if notes.count("tried") == 3:
            return
    raise ValueError(f"bad {notes.count('tried')}")


@step(retry=PATIENT)
def try_patiently(how: str) -> str:
    fail(how)
    return "done"


@step(retry=NOW)
def try_now(how: str) -> str:
    fail(how)
    return "done"


@step(retry=NOW, atomic=True)
def write_and_try(how: str) -> str:
    Group.objects.create(name=f"attempt {notes.count('tried')}")
    fail(how)
    return "done"


BY_NAME = {each.__name__: each for each in (try_patiently, try_now, write_and_try)}
_caught: list[StepFailed] = []


@workflow("tests.trying")
def trying(run: Context, step_name: str, how: str) -> str:
    return run.step(BY_NAME[step_name], how)


@workflow("tests.catching")
def catching(run: Context, step_name: str, how: str) -> str:
    try:
        run.step(BY_NAME[step_name], how)
    except StepFailed as failed:
        _caught.append(failed)
        run.wait_event("go")
        return f"caught {failed.error_type}"
    return "no error"


def attempts(run_id: uuid.UUID) -> list[HistoryEntry]:
    return [e for e in get_history(run_id) if e.kind == HistoryKind.ATTEMPT_FAILED]


def test_a_failed_attempt_is_recorded_with_its_error_and_the_time_of_the_next() -> None:
    run = driven(trying, step_name="try_patiently", how="always")

    [line] = attempts(run.id)
    assert (line.position, line.part, line.name) == (1, 1, "try_patiently")
    assert (line.data["attempt"], line.data["attempts"]) == (1, 4)
    assert line.data["error"]["type"] == "ValueError"
    assert line.data["error"]["message"] == "bad 1"
    assert 'raise ValueError(f"bad' in line.data["error"]["traceback"]
    assert run.wake_at is not None
    assert datetime.fromisoformat(line.data["retry_at"]) == run.wake_at


def test_the_waits_follow_the_policy_and_the_attempts_end_with_it() -> None:
    run, waits = driven(trying, step_name="try_patiently", how="always"), []

    while not run.is_over:
        assert run.wake_at is not None
        waits.append(run.wake_at - attempts(run.id)[-1].at)
        pass_time(run.id)
        drive_until_idle()
        run = get_run(run.id)

    assert [wait.total_seconds() for wait in waits] == pytest.approx([10, 30, 50], abs=3)
    assert run.state == RunState.FAILED
    assert notes.count("tried") == 4
    assert kinds(run.id) == ["attempt_failed"] * 3 + ["step_failed", "run_failed"]
    assert run.error is not None
    assert run.error["message"] == "step 'try_patiently' failed after 4 attempts: ValueError: bad 4"


def test_a_later_attempt_may_succeed() -> None:
    run = driven(trying, step_name="try_now", how="third time lucky")

    assert (run.state, run.output) == (RunState.COMPLETED, "done")
    assert [line.data["attempt"] for line in attempts(run.id)] == [1, 2]
    assert [line.part for line in get_history(run.id)][:3] == [1, 2, 0]


@pytest.mark.parametrize("how", ["permanent", "permanent among others"])
def test_permanent_and_its_children_end_the_attempts(how: str) -> None:
    run = driven(catching, step_name="try_patiently", how=how)

    [failed] = _caught[-1:]
    assert notes.count("tried") == 1
    assert (failed.permanent, failed.attempts) == (True, 1)
    assert kinds(run.id) == ["step_failed", "wait_started"]


@pytest.mark.parametrize(
    ("how", "seconds"),
    [("later", 1000), ("sooner", 0), ("transient", 10), ("later among others", 90)],
)
def test_the_step_may_say_when_to_come_back(how: str, seconds: float) -> None:
    run = driven(trying, step_name="try_patiently", how=how)

    first = attempts(run.id)[0]
    wait = datetime.fromisoformat(first.data["retry_at"]) - first.at
    assert wait.total_seconds() == pytest.approx(seconds, abs=3)


def test_saying_when_to_come_back_adds_no_attempt() -> None:
    run = driven(trying, step_name="try_now", how="sooner")

    assert run.state == RunState.FAILED
    assert notes.count("tried") == 3


def test_retry_now_makes_the_next_attempt_at_once() -> None:
    run = driven(trying, step_name="try_patiently", how="third time lucky")

    woken = retry_now(run.id, by="alice")
    drive_until_idle()

    assert woken
    assert notes.count("tried") == 2
    assert kinds(run.id) == ["attempt_failed", "woken", "attempt_failed"]
    assert get_history(run.id)[1].data == {"by": "alice", "reason": "", "via": ""}


def test_events_do_not_shorten_the_wait_for_the_next_attempt() -> None:
    run = driven(trying, step_name="try_patiently", how="always")

    send_event(run.id, "go")

    assert drive_until_idle() == 0
    assert get_run(run.id).wake_at == run.wake_at


@step(retry=NOW)
def send_and_fail(run_id: uuid.UUID) -> None:
    notes.note("tried")
    send_event(run_id, "go", notes.count("tried"))
    raise ValueError("after the event")


@workflow("tests.send_and_fail")
def sending_and_failing(run: Context) -> None:
    run.step(send_and_fail, run.run_id)


def test_an_event_that_comes_during_an_attempt_does_not_hide_its_failure() -> None:
    run = driven(sending_and_failing)

    assert run.state == RunState.FAILED
    assert notes.count("tried") == 3
    assert len(attempts(run.id)) == 2


@pytest.mark.parametrize("how", ["always", "permanent", "transient"])
def test_the_error_that_the_workflow_catches_is_the_same_live_and_replayed(how: str) -> None:
    _caught.clear()
    run = driven(catching, step_name="try_now", how=how)
    send_event(run.id, "go")

    drive_until_idle()

    live, replayed = _caught
    assert get_run(run.id).output == f"caught {live.error_type}"
    assert live.args == replayed.args
    assert vars(live) == vars(replayed)
    assert str(live) == str(replayed)


def test_a_failed_attempt_of_an_atomic_step_leaves_nothing_behind() -> None:
    run = driven(trying, step_name="write_and_try", how="third time lucky")

    assert run.output == "done"
    assert [group.name for group in Group.objects.all()] == ["attempt 2"]


def undo_until_it_works(_: None) -> None:
    notes.note("undone")
    if notes.count("undone") < 8:
        raise ValueError("not yet")


@step(
    retry=RetryPolicy(attempts=None, jitter=0),
    compensate=step(retry=RetryPolicy(attempts=None, jitter=0))(undo_until_it_works),
)
def try_until_it_works() -> None:
    notes.note("tried")
    if notes.count("tried") < 8:
        raise ValueError("not yet")


@workflow("tests.until_it_works", on_failure="compensate")
def until_it_works(run: Context, at_once: bool) -> None:
    if at_once:
        run.gather(run.call(try_until_it_works))
    else:
        run.step(try_until_it_works)
    raise ValueError("undo it all")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_step_without_a_number_of_attempts_is_tried_until_it_works(at_once: bool) -> None:
    run = driven(until_it_works, at_once=at_once)
    between = list_steps(run.id)[0]

    advance(seconds=3600)

    assert (between.state, between.attempts) == (StepState.WAITING, 1)
    assert list_steps(run.id)[0].state == StepState.COMPENSATED
    assert (notes.count("tried"), notes.count("undone")) == (8, 8)
    failed = [entry.data for entry in get_history(run.id) if "attempt" in entry.data]
    assert {data["attempts"] for data in failed} == {None}
    assert [data["attempt"] for data in failed] == [*range(1, 8), *range(1, 8)]


@step
def tidy(output: str) -> None:
    notes.note("tidied")


@step(timeout_seconds=5, heartbeat_seconds=2, retry=PATIENT, compensate=tidy)
def come_back() -> str:
    info = current_step()
    assert info is not None
    notes.note(f"attempt {info.attempt} after {info.heartbeat}")
    return "back"


@workflow("tests.comes_back")
def comes_back(run: Context) -> str:
    return run.step(come_back)


@workflow("tests.both_come_back")
def both_come_back(run: Context) -> list[str]:
    return list(run.gather(run.call(come_back), run.call(come_back)))


def end_with_its_process(run: ClaimedRun, *positions: int, overran: str) -> None:
    """Let a claimed run's worker be lost in these steps, long beyond their limit."""
    steps = tuple(
        StepSeen(
            name="come_back", position=position, attempt=1, undo=False, age_seconds=10,
            overran=overran, host="here", pid=7,
        )
        for position in positions
    )  # fmt: skip
    told = Told(HeldRun(run.id, run.attempt, steps), STEP_OVERRAN)
    expire_lease(run.id)
    sweep(connection.connection, max_crashes=1, told=[told])


@pytest.mark.parametrize(
    ("overran", "limit"),
    [
        ("timeout", "the step ran longer than its limit of 5 s"),
        ("heartbeat", "the step sent no heartbeat for 2 s"),
    ],
)
def test_an_attempt_that_ended_with_its_process_beyond_its_limit_has_failed(
    overran: str, limit: str
) -> None:
    run = started_and_claimed(comes_back)
    store.beat(
        run_id=run.id, attempt=run.attempt, position=1, details='"half"', lease_seconds=60
    )  # fmt: skip

    end_with_its_process(run, 1, overran=overran)
    drive_until_idle()

    assert notes.done == []
    [_, failed] = get_history(run.id)
    assert failed.kind == HistoryKind.ATTEMPT_FAILED
    assert failed.data["error"]["type"].endswith(".StepTimedOut")
    assert failed.data["error"]["message"] == (
        f"{limit}; it could not be interrupted, so its process (host here, pid 7) was ended"
    )
    assert (get_run(run.id).state, get_run(run.id).crashes) == (RunState.WAITING, 0)
    advance(10)
    assert notes.done == ["attempt 2 after half"]
    assert get_run(run.id).output == "back"


def test_each_branch_that_ended_with_its_process_has_failed_for_itself() -> None:
    run = started_and_claimed(both_come_back)

    end_with_its_process(run, 2, overran="timeout")
    drive_until_idle()

    assert notes.done == ["attempt 1 after None"]
    advance(10)
    assert notes.done == ["attempt 1 after None", "attempt 2 after None"]
    assert get_run(run.id).output == ["back", "back"]
