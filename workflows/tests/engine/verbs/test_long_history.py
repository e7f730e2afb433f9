"""A history that grows without end is told of once, and stopped at a limit with what to do."""

import pytest
from django.test import override_settings

from workflows.api import (  # fmt: skip
    Context,
    RunState,
    cancel,
    get_history,
    get_run,
    retry_now,
    send_event,
    start,
    workflow,
)
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet
from workflows.tests.listening import announced, listening

pytestmark = pytest.mark.django_db
FEW = override_settings(WORKFLOWS={"many_operations": 3, "max_operations": 6})


@workflow("tests.many_operations")
def many_steps(run: Context, steps: int, waits: bool = False) -> int:
    for number in range(steps):
        run.step(greet, str(number))
        if waits:
            run.wait_event("go")
    return steps


@workflow("tests.group_beyond")
def group_beyond(run: Context) -> None:
    run.step(greet, "first")
    run.gather(*(run.call(greet, str(number)) for number in range(3)))
    run.step(greet, "last")


@workflow("tests.goes_on_in_time")
def goes_on_in_time(run: Context, left: int = 3) -> str:
    for number in range(6):
        run.step(greet, str(number))
    if left:
        run.continue_as_new(left=left - 1)
    return "done"


@FEW
def test_the_first_operation_beyond_many_is_told_once() -> None:
    with announced("history_long") as told, listening("workflows") as ear:
        run = driven(many_steps, steps=2, waits=True)
        assert told == []
        for _ in range(2):
            send_event(run.id, "go")
            drive_until_idle()

    [(_, said)] = told
    assert (said["run_id"], said["workflow"], said["operations"]) == (
        run.id,
        "tests.many_operations",
        3,
    )
    assert [each.levelname for each in ear.records if "continue_as_new" in each.getMessage()] == ["WARNING"]  # fmt: skip
    assert get_run(run.id).state == RunState.COMPLETED


@FEW
def test_a_group_that_leads_beyond_many_is_told_too() -> None:
    with announced("history_long") as told:
        driven(group_beyond)

    assert len(told) == 1


@FEW
def test_at_the_limit_a_run_is_blocked_with_the_advice_and_has_lost_nothing() -> None:
    run = driven(many_steps, steps=8)

    blocked = get_run(run.id)
    assert blocked.state == RunState.BLOCKED
    assert blocked.error is not None
    assert "the run has come to 6 operations, the most there may be" in blocked.error["message"]
    assert "run.continue_as_new(…)" in blocked.error["message"]
    assert sum(entry.kind == "step_completed" for entry in get_history(run.id)) == 6


def test_with_a_larger_limit_it_goes_on() -> None:
    with FEW:
        run = driven(many_steps, steps=8)

    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).output == 8


@FEW
def test_a_run_at_the_limit_can_be_cancelled() -> None:
    run = driven(many_steps, steps=8)

    assert cancel(run.id)

    assert get_run(run.id).state == RunState.CANCELLED


@FEW
def test_a_run_that_continues_in_time_never_meets_the_limit() -> None:
    run = driven(goes_on_in_time)

    assert get_run(run.id).state == RunState.COMPLETED


@FEW
def test_killed_anywhere_a_run_is_stopped_at_the_same_place() -> None:
    crash_everywhere(lambda: start(many_steps, steps=8))
