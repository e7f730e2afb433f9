"""A step that says nothing is tried again as the settings say."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from workflows.api import Context, ErrorKind, RetryPolicy, RunState, current_step, step, workflow
from workflows.conf import conf
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven


@step
def fails() -> None:
    raise ValueError("no")


@step(retry=RetryPolicy(attempts=4, first_delay_seconds=0))
def tells() -> list[int | None]:
    attempt = current_step()
    assert attempt is not None
    return [attempt.attempt, attempt.attempts]


@workflow("policy.fails")
def failing(run: Context) -> None:
    run.step(fails)


@workflow("policy.tells")
def telling(run: Context) -> list[list[int | None]]:
    return [run.step(tells), run.step(tells)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [{"attempts": 2, "first_delay_seconds": 0}, RetryPolicy(attempts=2, first_delay_seconds=0)],
)
def test_the_setting_is_the_policy_of_steps_without_one(settings: Any, given: Any) -> None:
    settings.WORKFLOWS = {"default_retry": given}

    run = driven(failing)
    drive_until_idle()

    assert run.state == RunState.FAILED
    assert run.error is not None and "after 2 attempts" in run.error["message"]


@pytest.mark.django_db
def test_the_setting_says_also_what_is_given_up_on(settings: Any) -> None:
    settings.WORKFLOWS = {"default_retry": {"give_up_on": (ErrorKind.TRANSIENT,)}}

    run = driven(failing)

    assert run.state == RunState.FAILED
    assert run.error is not None and "after 1 attempt:" in run.error["message"]


@pytest.mark.django_db
def test_a_step_knows_the_most_attempts_there_will_be(settings: Any) -> None:
    settings.WORKFLOWS = {"default_retry": {"attempts": 9}}

    assert driven(telling).output == [[1, 4], [1, 4]]


@pytest.mark.parametrize("given", [{"attempt": 3}, {"attempts": 0}, 3])
def test_a_policy_that_cannot_be_is_told_at_start_up(settings: Any, given: Any) -> None:
    settings.WORKFLOWS = {"default_retry": given}

    with pytest.raises(ImproperlyConfigured, match="default_retry"):
        conf()
