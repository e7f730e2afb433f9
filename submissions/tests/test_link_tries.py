"""How long tries of the link check take and wait. The flow's tests see them at work."""

import pytest

from submissions.link_check.retry_after import LONGEST_SECONDS
from submissions.link_tries import (
    LINK_RETRY,
    LINK_TRIES,
    LONGEST_TRY_SECONDS,
    LONGEST_WAITS_SECONDS,
    budget_seconds,
    next_wait,
    try_under_way,
)

TRIES = range(1, LINK_TRIES + 1)


def test_a_try_takes_longer_than_the_one_before_and_never_as_long_as_its_step_may() -> None:
    budgets = [budget_seconds(attempt) for attempt in TRIES]

    assert budgets == [5.0, 10.0, 15.0, 15.0, 15.0]
    assert max(budgets) < LONGEST_TRY_SECONDS


@pytest.mark.parametrize("asked", [None, 0.0, 1.0, 9.9, 60.0, 3600.0])
def test_a_wait_is_never_shorter_than_the_back_off_nor_than_what_the_site_asks(
    asked: float | None,
) -> None:
    for attempt in TRIES[:-1]:
        back_off = LINK_RETRY.delay_after(attempt, draw=0.3)

        assert back_off is not None
        assert next_wait(attempt, asked, draw=0.3) == max(back_off, asked or 0.0)


def test_links_that_failed_together_are_not_tried_again_together() -> None:
    waits = {next_wait(1, 1.0, draw=draw) for draw in (0.0, 0.5, 1.0)}

    assert waits == {9.0, 10.0, 11.0}


def test_no_wait_follows_the_last_try() -> None:
    assert next_wait(LINK_TRIES, 3600.0, draw=0.5) is None


def test_what_sites_may_ask_for_fits_twice_into_all_waits() -> None:
    assert 2 * LONGEST_SECONDS <= LONGEST_WAITS_SECONDS == 7200


def test_a_try_outside_of_a_run_is_told_so() -> None:
    with pytest.raises(RuntimeError, match="let a run call it"):
        try_under_way()
