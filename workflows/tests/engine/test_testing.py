"""The helpers that apps test their workflows with."""

import pytest

from workflows.api import Context, get_run, send_event, start, workflow
from workflows.testing import drive_until_idle, pass_time
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once, greet_three, wait_for_go

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
