"""Faults of runs, limits and schedules: each is made in the tables and found."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from workflows.api import RunState, cancel, start
from workflows.doctor import runs
from workflows.doctor.finding import Severity, Trouble
from workflows.models import Run, Schedule
from workflows.models.limit import LimitMoment, LimitSlot, LimitWait
from workflows.store.diagnosis import open_work
from workflows.tests.builders import driven, started_and_claimed
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.old_runs import ended

pytestmark = pytest.mark.django_db


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


def only(found: Iterator[Trouble]) -> Trouble:
    [trouble] = found
    return trouble


def test_with_nothing_wrong_nothing_is_found() -> None:
    driven(wait_for_go)
    driven(wait_for_go, timeout_seconds=60)
    driven(greet_once, name="Ann")
    start(greet_once, name="Ben")

    assert [trouble for look in runs.LOOKS for trouble in look.do()] == []


def test_blocked_runs_are_told_by_workflow_and_error() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(state=RunState.BLOCKED, error={"type": "ReplayMismatch"})

    found = only(runs.blocked())

    assert found.sentence == f"1 runs of tests.greet are blocked: ReplayMismatch (run {run.id})"


@pytest.mark.parametrize(("late", "severity"), [(120, Severity.WARNING), (1_200, Severity.ERROR)])
def test_runs_later_than_their_wake_time_are_told(late: float, severity: Severity) -> None:
    run = start(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(wake_at=ago(seconds=late))

    found = only(runs.late())

    assert found.severity == severity and found.sentence.startswith(
        "1 runs are due, the oldest for"
    )


def test_a_lease_long_past_is_an_error() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(lease_until=ago(minutes=5))

    found = only(runs.leases())

    assert found.severity == Severity.ERROR and str(run.id) in found.sentence


def test_a_run_that_is_driven_by_nobody_is_an_error() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(lease_until=None)

    assert str(run.id) in only(runs.held()).sentence


def test_a_run_that_was_cancelled_and_goes_on_is_told() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    cancel(run.id)
    assert list(runs.cancelling()) == []
    with mock.patch.object(runs, "CANCELLING_SECONDS", 0.0):
        found = only(runs.cancelling())

    assert str(run.id) in found.sentence and "time limit" in found.advice


def test_a_run_that_waits_for_nothing_is_an_error() -> None:
    run = driven(wait_for_go)
    Run.objects.filter(pk=run.id).update(waiting_for=[])

    assert only(runs.never_due()).sentence == (
        f"1 runs wait for no time and no event (run {run.id})"
    )


def test_open_runs_without_code_here_are_told() -> None:
    run = start(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(workflow="shop.gone")

    assert "1 open runs are of shop.gone version 1" in only(runs.unregistered()).sentence


def test_a_slot_that_an_ended_run_holds_is_an_error() -> None:
    run = driven(greet_once, name="Ann")
    LimitSlot.objects.create(name="bank", number=1, most=1, run_id=run.id, position=0, attempt=1)

    assert str(run.id) in only(runs.limit_slots()).sentence


def test_a_slot_of_a_run_that_is_gone_is_an_error() -> None:
    LimitSlot.objects.create(name="bank", number=1, most=1, run_id=uuid4(), position=0, attempt=1)

    assert only(runs.limit_slots()).severity == Severity.ERROR


def test_waits_and_moments_that_ended_runs_left_behind_are_told() -> None:
    run = driven(greet_once, name="Ann")
    LimitWait.objects.create(name="bank", most=1, run_id=run.id, position=1, priority=0)
    LimitMoment.objects.create(run_id=run.id, position=1, at=timezone.now())

    assert only(runs.waits_left()).sentence.startswith("2 waits for limits")


@override_settings(WORKFLOWS={})
def test_many_runs_that_are_kept_for_ever_are_told() -> None:
    for name in ("Ann", "Ben"):
        start(greet_once, name=name)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_run")

    assert open_work.estimated_runs() == 2
    with mock.patch.object(runs, "MANY_RUNS", 1):
        assert "nothing says for how long" in only(runs.retention()).sentence


@override_settings(WORKFLOWS={"retention": {"*": "30d"}})
def test_pruning_that_is_behind_is_told() -> None:
    ended(greet_once, name="Ann")
    assert list(runs.retention()) == []
    with mock.patch.object(runs, "MANY_TO_PRUNE", 0):
        assert "1 families of runs are older" in only(runs.retention()).sentence


def test_late_and_broken_schedules_are_errors() -> None:
    timing = {"workflow": "tests.greet", "cron": "0 3 * * *", "done_until": ago(days=1)}
    Schedule.objects.create(name="late", next_at=ago(minutes=10), **timing)
    Schedule.objects.create(name="paused", next_at=ago(minutes=10), paused_at=ago(days=2), **timing)
    Schedule.objects.create(name="broken", problem="no such workflow", **timing)

    late, broken = runs.schedules()

    assert late.sentence == "the schedule 'late' is 10 min late"
    assert broken.sentence == "the schedule 'broken' cannot start its run: no such workflow"
