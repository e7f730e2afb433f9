"""The outside waits for what a run returns or stores; it is told at once, and only who waits is told."""

import time
from datetime import date
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction

from workflows.api import (
    Context,
    DefinitionError,
    InvalidInput,
    RunFailed,
    RunIsOver,
    RunNotFound,
    RunState,
    WaitTimedOut,
    cancel,
    get_run,
    pause,
    result,
    send_event,
    start,
    wait_for,
    workflow,
)
from workflows.engine.requests import result as module
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, connected, driven, elsewhere
from workflows.tests.engine.forms import doubled
from workflows.tests.flows import wait_for_go


@workflow("results.birthday")
def birthday(run: Context, year: int) -> date:
    run.data["year"] = year
    run.sleep(0)
    run.wait_event("go", timeout_seconds=60)
    return date(year, 1, 31)


@workflow("results.loop")
def loop(run: Context, rounds: int) -> int:
    if rounds == 0:
        return 7
    run.wait_event("go")
    return run.continue_as_new(rounds=rounds - 1)


@workflow("results.failing")
def failing(run: Context) -> None:
    raise ValueError("no luck")


@workflow("results.impatient")
def impatient(run: Context, other: str) -> None:
    result(other)


def go_on(run: Any) -> None:
    send_event(run.id, "go")
    drive_until_idle()


@pytest.mark.django_db
def test_a_run_that_has_ended_gives_its_result_as_annotated() -> None:
    run = driven(doubled, number=7)
    other = start(birthday, 2026)
    drive_until_idle()
    go_on(other)

    assert result(run, timeout_seconds=0) == 14
    day: date = result(str(other.id), birthday)
    assert day == date(2026, 1, 31)
    with pytest.raises(InvalidInput, match=r"not 'results\.birthday'"):
        result(run, birthday)


@pytest.mark.django_db
def test_a_run_that_failed_or_was_cancelled_raises_what_it_failed_with() -> None:
    failed, cancelled = driven(failing), driven(wait_for_go)
    cancel(cancelled.id)

    with pytest.raises(
        RunFailed, match=r"'results\.failing' failed: ValueError: no luck"
    ) as raised:
        result(failed)
    with pytest.raises(RunFailed, match=r"cancelled$"):
        result(cancelled)
    assert (raised.value.state, raised.value.error_type) == ("failed", "ValueError")


@pytest.mark.usefixtures("committed")
def test_who_waits_is_told_at_once_and_not_by_a_look(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 60}
    run = driven(wait_for_go)
    waiting = elsewhere(lambda: result(run, timeout_seconds=PATIENCE_SECONDS))
    until_awaited(run)

    go_on(run)

    assert waiting.result(PATIENCE_SECONDS) is None
    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.usefixtures("committed")
def test_what_a_run_stores_is_waited_for(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 60}
    run = start(birthday, 2026)
    waiting = elsewhere(lambda: wait_for(run, data="year", timeout_seconds=PATIENCE_SECONDS))
    until_awaited(run)

    drive_until_idle()

    assert waiting.result(PATIENCE_SECONDS) == 2026
    assert get_run(run.id).state == RunState.WAITING


@pytest.mark.usefixtures("committed")
def test_a_run_that_goes_on_as_another_is_waited_for_there() -> None:
    run = driven(loop, rounds=1)
    waiting = elsewhere(lambda: result(run, timeout_seconds=PATIENCE_SECONDS))
    until_awaited(run)

    go_on(run)

    assert waiting.result(PATIENCE_SECONDS) == 7


@pytest.mark.usefixtures("committed")
def test_nobody_is_told_where_nobody_waits() -> None:
    with connected() as own:
        own.execute("LISTEN workflows_waiters")
        driven(doubled, number=7)
        told = list(own.notifies(timeout=0.2))

    assert told == []


@pytest.mark.usefixtures("committed")
def test_behind_a_pooler_it_looks_now_and_then(settings: Any) -> None:
    settings.WORKFLOWS = {"poll_seconds": 0.05}
    run = driven(wait_for_go)
    another_pid = mock.PropertyMock(return_value=1)
    with mock.patch("psycopg.ConnectionInfo.backend_pid", another_pid):
        waiting = elsewhere(lambda: result(run, timeout_seconds=PATIENCE_SECONDS))
        time.sleep(0.3)
        assert locks() == 0
        go_on(run)

        assert waiting.result(PATIENCE_SECONDS) is None


@pytest.mark.usefixtures("committed")
def test_the_time_may_be_over_first() -> None:
    run = driven(wait_for_go)

    with pytest.raises(WaitTimedOut, match="is waiting: it did not end within"):
        result(run, timeout_seconds=0.1)
    with pytest.raises(WaitTimedOut, match="did not store 'payment'"):
        wait_for(run, data="payment", timeout_seconds=0)
    with pytest.raises(InvalidInput, match="number of seconds"):
        result(run, timeout_seconds="soon")  # type: ignore[call-overload]
    assert locks() == 0


@pytest.mark.django_db
def test_of_a_run_that_does_not_go_on_by_itself_it_says_so() -> None:
    run = driven(wait_for_go)
    pause(run.id)

    with pytest.raises(WaitTimedOut, match=r"is paused: .*; it goes on once it is resumed"):
        result(run, timeout_seconds=0)


@pytest.mark.django_db
def test_what_has_ended_without_storing_it_never_will() -> None:
    run = driven(doubled, number=7)

    with pytest.raises(RunIsOver, match="has stored no 'payment'"):
        wait_for(run, data="payment")
    with pytest.raises(RunNotFound):
        result("00000000-0000-0000-0000-000000000000")


@pytest.mark.usefixtures("committed")
def test_a_run_of_the_same_transaction_is_driven_by_the_kit_and_refused_without() -> None:
    with transaction.atomic():
        assert result(start(doubled, 7)) == 14
        with pytest.raises(WaitTimedOut):
            result(start(wait_for_go))
        with (
            mock.patch.object(module, "_helper", None),
            pytest.raises(InvalidInput, match="behind"),
        ):
            result(start(doubled, 7))


@pytest.mark.django_db
def test_workflow_code_waits_for_a_child_instead() -> None:
    run = driven(impatient, other=str(start(doubled, 7).id))

    assert run.state == RunState.BLOCKED
    assert run.error is not None and "run.start_child" in run.error["message"]
    assert run.error["type"].endswith(DefinitionError.__name__)


@pytest.mark.django_db
def test_killed_anywhere_the_result_is_the_same() -> None:
    told = []

    def play() -> None:
        told.append(result(start(doubled, 7)))

    crash_everywhere(play)

    assert set(told) == {14}


def locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        [count] = cursor.fetchone()
    return int(count)


def until_awaited(run: Any) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not locks():
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)
