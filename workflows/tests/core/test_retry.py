"""How long to wait before the next attempt."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.error_kind import ErrorKind
from workflows.core.errors import DefinitionError
from workflows.core.retry import RetryPolicy

POLICIES = st.builds(
    RetryPolicy,
    attempts=st.none() | st.integers(1, 5_000),
    first_delay_seconds=st.floats(0.001, 1e5),
    factor=st.floats(1, 1e6),
    max_delay_seconds=st.none() | st.floats(1e5, 1e6),
    jitter=st.floats(0, 1),
)


def test_of_a_group_one_to_give_up_on_is_enough_and_all_must_be_such_as_are_tried_again() -> None:
    both = ExceptionGroup("two", [OSError("full"), ExceptionGroup("one", [ValueError("bad")])])
    verdicts = {
        "give up": RetryPolicy(give_up_on=(ValueError,)),
        "one of them": RetryPolicy(retry_on=(ValueError,)),
        "both": RetryPolicy(retry_on=(ValueError, OSError)),
        "the group": RetryPolicy(retry_on=(ExceptionGroup,)),
        "its kind": RetryPolicy(retry_on=(ErrorKind.SYSTEM,)),
    }

    found = {name for name, each in verdicts.items() if each.tries_again(both, ErrorKind.SYSTEM)}

    assert found == {"both", "the group", "its kind"}


def test_each_wait_is_the_factor_times_the_one_before() -> None:
    policy = RetryPolicy(attempts=6, first_delay_seconds=2, factor=3, max_delay_seconds=100)

    waits = [policy.delay_after(attempt) for attempt in range(1, 6)]

    assert waits == [2, 6, 18, 54, 100]


def test_the_last_attempt_is_followed_by_none() -> None:
    policy = RetryPolicy(attempts=2)

    assert policy.delay_after(1) is not None
    assert policy.delay_after(2) is None
    assert policy.delay_after(3) is None


def test_one_attempt_means_never_again() -> None:
    assert RetryPolicy(attempts=1).delay_after(1) is None


@pytest.mark.parametrize(("draw", "expected"), [(0.0, 7.5), (0.5, 10.0), (1.0, 12.5)])
def test_jitter_spreads_the_wait_evenly_around_it(draw: float, expected: float) -> None:
    policy = RetryPolicy(first_delay_seconds=10, jitter=0.25)

    assert policy.delay_after(1, draw=draw) == expected


def test_jitter_never_passes_the_longest_delay() -> None:
    policy = RetryPolicy(first_delay_seconds=10, max_delay_seconds=10, jitter=1)

    assert policy.delay_after(1, draw=1.0) == 10


def test_a_wait_too_large_for_a_number_is_the_longest_delay() -> None:
    policy = RetryPolicy(attempts=10_000, factor=10, max_delay_seconds=60, jitter=0)

    assert policy.delay_after(9_999) == 60


def test_no_delay_stays_no_delay_however_many_attempts() -> None:
    policy = RetryPolicy(attempts=10_000, first_delay_seconds=0)

    assert policy.delay_after(9_999) == 0


def test_the_longest_delay_follows_a_first_one_that_is_longer() -> None:
    policy = RetryPolicy(attempts=4, first_delay_seconds=3600, factor=2, jitter=0)

    assert [policy.delay_after(attempt) for attempt in (1, 2, 3)] == [3600, 3600, 3600]


def test_the_longest_delay_is_five_minutes_where_nothing_is_said() -> None:
    assert RetryPolicy(attempts=100, jitter=0).delay_after(99) == 300


def test_no_attempts_means_until_it_works() -> None:
    policy = RetryPolicy(attempts=None, jitter=0)

    assert [policy.delay_after(attempt) for attempt in (1, 5, 500_000)] == [1, 16, 300]


@given(policy=POLICIES, attempt=st.integers(1, 5_000), draw=st.floats(0, 1))
def test_a_wait_is_a_finite_number_from_zero_to_the_longest_delay(
    policy: RetryPolicy, attempt: int, draw: float
) -> None:
    wait = policy.delay_after(attempt, draw=draw)

    if policy.attempts is not None and attempt >= policy.attempts:
        assert wait is None
    else:
        assert wait is not None
        assert 0 <= wait <= policy.longest_delay_seconds


@given(policy=POLICIES, attempt=st.integers(1, 100))
def test_without_jitter_waits_never_become_shorter(policy: RetryPolicy, attempt: int) -> None:
    first, second = policy.delay_after(attempt), policy.delay_after(attempt + 1)

    assert second is None or (first is not None and first <= second)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": 10_000_000},
        {"attempts": None, "first_delay_seconds": 0},
        {"first_delay_seconds": 3600, "max_delay_seconds": 300},
        {"first_delay_seconds": 1e12},
        {"first_delay_seconds": -1},
        {"max_delay_seconds": -1},
        {"factor": 0.5},
        {"jitter": 1.1},
        {"jitter": -0.1},
        {"first_delay_seconds": math.nan},
        {"max_delay_seconds": math.inf},
        {"factor": math.nan},
        {"jitter": math.nan},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_where_it_is_written(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(DefinitionError, match="RetryPolicy"):
        RetryPolicy(**wrong)
