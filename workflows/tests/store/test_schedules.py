"""Rows of schedules: written and read alike, and nothing is due without need."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from workflows.api import RunState, list_schedules, start
from workflows.models import Run, Schedule as Row
from workflows.store import schedules as store
from workflows.tests.builders import connected
from workflows.tests.flows import wait_for_go
from workflows.tests.schedules import HOUR, let_pass, made

pytestmark = pytest.mark.usefixtures("committed")


def test_a_row_is_read_as_it_was_written_on_both_connections() -> None:
    made(cron="*/5 1-3 * * MON", zone="Europe/Brussels", overlap="queue all", input={})

    with connected() as own:
        [on_own] = store.read(on=own)
    [on_django] = store.read()

    assert on_own.schedule == on_django.schedule == list_schedules()[0]
    store.save(on_own.schedule, None)
    assert list_schedules() == [on_own.schedule]


def test_the_next_one_is_that_of_a_schedule_that_goes() -> None:
    made("paused", every_seconds=1)
    made("elsewhere", every_seconds=1)
    made("yearly", every_seconds=365 * 24 * HOUR)
    Row.objects.filter(name="paused").update(paused_at="2026-01-01T00:00Z")
    Row.objects.filter(name="elsewhere").update(workflow="tests.elsewhere")

    seconds = store.next_seconds(["tests.wait"], on=None)

    assert seconds is not None and seconds > 1
    assert store.next_seconds(["tests.nothing"], on=None) is None


def test_what_nobody_starts_is_late() -> None:
    made("waits")
    made("forgotten")
    Row.objects.filter(name="forgotten").update(next_at="2026-01-01T00:00Z")

    [(name, workflow, seconds)] = store.list_late(60, on=None)

    assert (name, workflow, seconds > 60) == ("forgotten", "tests.wait", True)


def test_a_row_has_exactly_one_timing() -> None:
    made()

    with pytest.raises(IntegrityError, match="schedule_one_timing"), transaction.atomic():
        Row.objects.update(cron="* * * * *")


def test_a_row_is_there_once() -> None:
    [stored] = [store.read(made().name)[0]]

    assert store.add(stored.schedule, None) is False
    assert (store.delete("report"), store.delete("report")) == (True, False)


def test_what_is_put_off_is_tried_again_in_a_minute() -> None:
    made()
    let_pass(HOUR)

    store.put_off("report", "no", on=None)

    [found] = list_schedules()
    assert (found.problem, store.take_due(["tests.wait"], on=None)) == ("no", None)
    assert found.next_at is not None
    assert found.next_at - store.moment() <= timedelta(seconds=store.PUT_OFF_SECONDS)


@pytest.mark.parametrize(
    ("state", "error", "is_over", "has_failed"),
    [
        (RunState.WAITING, None, False, False),
        (RunState.BLOCKED, {"type": "E"}, False, False),
        (RunState.COMPLETED, None, True, False),
        (RunState.CANCELLED, None, True, False),
        (RunState.FAILED, {"type": "E"}, True, True),
        (RunState.COMPENSATED, {"type": "E"}, True, True),
        (RunState.COMPENSATED, None, True, False),
    ],
)
def test_which_ends_are_failures(
    state: RunState, error: object, is_over: bool, has_failed: bool
) -> None:
    run = store.RunOfSchedule(start(wait_for_go).id, state, error is not None)

    assert (run.is_over, run.has_failed) == (is_over, has_failed)
    assert Run.objects.count() == 1
