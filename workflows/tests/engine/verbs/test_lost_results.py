"""A step whose result could never come back is refused before it runs, a recorded one never."""

import pytest
from pydantic import SecretStr

from workflows.api import Context, RunState, get_run, send_event, step, workflow
from workflows.definitions.step import step_definition
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


@step
def make_password() -> SecretStr:
    """Would come back as asterisks."""
    ran.append("make_password")
    return SecretStr("hunter2")


@step
def count_by_pair() -> dict[tuple[int, int], int]:
    """Would not come back at all."""
    ran.append("count_by_pair")
    return {(1, 2): 3}


@step
def number() -> int:
    ran.append("number")
    return 7


@workflow("tests.lost_password")
def lost_password(run: Context) -> None:
    run.step(make_password)


@workflow("tests.lost_in_a_group")
def lost_in_a_group(run: Context) -> None:
    run.gather(run.call(number), run.call(count_by_pair))


@workflow("tests.number_then_wait")
def number_then_wait(run: Context) -> int:
    found = run.step(number)
    run.wait_event("go")
    return found


def test_a_result_that_would_be_lost_is_refused_before_its_step_runs() -> None:
    run = driven(lost_password)

    assert run.state == RunState.BLOCKED
    assert "'make_password' cannot return SecretStr, which is stored as asterisks" in str(run.error)
    assert ran == []


def test_a_group_with_such_a_step_does_not_begin() -> None:
    run = driven(lost_in_a_group)

    assert run.state == RunState.BLOCKED
    assert "'count_by_pair' cannot return a dictionary whose keys" in str(run.error)
    assert ran == []


def test_a_recorded_step_is_never_refused() -> None:
    run = driven(number_then_wait)
    codec = step_definition(number).signature.result
    codec.__dict__["loss"] = "numbers, as a later release might find"
    try:
        send_event(run.id, "go")
        drive_until_idle()
    finally:
        del codec.__dict__["loss"]

    assert get_run(run.id).state == RunState.COMPLETED
    assert ran == ["number"]
