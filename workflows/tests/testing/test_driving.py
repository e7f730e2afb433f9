"""The helpers that apps test their workflows with."""

from contextlib import suppress
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from workflows.api import (
    Context,
    RunNotFound,
    StepFailed,
    get_run,
    send_event,
    start,
    step,
    workflow,
)
from workflows.testing import drive_until_idle, pass_time
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE, greet, greet_once, greet_three, wait_for_go

pytestmark = pytest.mark.django_db


def test_drive_until_idle_drives_all_that_is_due_and_what_becomes_due_by_it() -> None:
    @workflow("tests.starts_another")
    def starts_another(run: Context) -> None:
        for _ in range(3):
            run.sleep(0)

    first, second = start(starts_another), start(greet_three)

    drives = drive_until_idle()

    assert get_run(first.id).is_over
    assert get_run(second.id).is_over
    assert drives == 5


def test_nothing_due_is_nothing_driven() -> None:
    driven(wait_for_go)

    assert drive_until_idle() == 0


def test_passing_the_time_of_a_run_that_waits_for_none_is_refused() -> None:
    run = driven(wait_for_go)

    with pytest.raises(AssertionError, match="waits for no time"):
        pass_time(run.id)


def test_passing_the_time_of_a_run_that_is_over_is_refused() -> None:
    run = driven(greet_once, name="Alice")

    with pytest.raises(AssertionError, match="waits for no time"):
        pass_time(run.id)


def test_an_event_that_comes_after_the_time_has_passed_still_wins() -> None:
    run = driven(wait_for_go, timeout_seconds=3600)

    pass_time(run.id)
    send_event(run.id, "go", "late")
    drive_until_idle()

    assert get_run(run.id).output == "late"


@step
def swallow_an_error_inside_a_savepoint() -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")
    except DatabaseError:
        return "swallowed"
    return "no error"


@workflow("tests.swallow_in_savepoint")
def swallowing(run: Context) -> list[str]:
    return [run.step(swallow_an_error_inside_a_savepoint), run.step(greet, "Bob")]


def test_the_transaction_around_a_test_survives_a_step_that_met_a_database_error() -> None:
    group = Group.objects.create(name="before")

    run = driven(swallowing)

    assert run.output == ["swallowed", "Hello, Bob"]
    assert Group.objects.get() == group


@step(retry=ONCE)
def leave_a_block_open() -> None:
    transaction.atomic().__enter__()
    Group.objects.create(name="left open")


@workflow("tests.leave_block_in_test")
def leaving(run: Context) -> str:
    with suppress(StepFailed):
        run.step(leave_a_block_open)
    return run.step(greet, "Bob")


def test_the_transaction_around_a_test_survives_a_step_that_left_a_block_open() -> None:
    group, depth = Group.objects.create(name="before"), len(connection.savepoint_ids)

    run = driven(leaving)

    assert run.output == "Hello, Bob"
    assert len(connection.savepoint_ids) == depth
    assert Group.objects.get() == group


def test_no_time_passes_for_a_run_that_is_not_there() -> None:
    with pytest.raises(RunNotFound, match="no run "):
        pass_time(uuid4())
