"""Lengths of time in buckets: what is found again, and how far off."""

from hypothesis import given
from hypothesis import strategies as st

from workflows.core.histogram import BOUNDS, ERROR, added, bucket_of, of_buckets, quantile

SECONDS = st.floats(min_value=BOUNDS[0], max_value=BOUNDS[-1], exclude_max=True)


@given(SECONDS)
def test_a_quantile_is_off_by_no_more_than_is_said(seconds: float) -> None:
    told = quantile(of_buckets([(bucket_of(seconds), 1)]), 0.5)

    assert told is not None
    assert seconds / (1 + ERROR) * 0.9999 <= told <= seconds * (1 + ERROR) * 1.0001


@given(st.lists(SECONDS, min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_quantile_is_that_of_the_one_in_its_place(taken: list[float], share: float) -> None:
    told = quantile(of_buckets((bucket_of(each), 1) for each in taken), share)

    places = [place for place in range(1, len(taken) + 1) if place >= share * len(taken)]
    assert told is not None
    assert bucket_of(told) == bucket_of(sorted(taken)[places[0] - 1])


def test_what_lies_beyond_the_bounds_is_told_by_them() -> None:
    assert quantile([1], 0.5) == BOUNDS[0] / 2
    assert quantile(of_buckets([(bucket_of(1e9), 1)]), 0.5) == BOUNDS[-1]
    assert bucket_of(-1.0) == 0


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert of_buckets([]) == []


@given(st.lists(st.integers(0, 9), max_size=9), st.lists(st.integers(0, 9), max_size=9))
def test_histograms_are_added_bucket_by_bucket(one: list[int], other: list[int]) -> None:
    total = added(one, other)

    assert sum(total) == sum(one) + sum(other)
    assert total == added(other, one)
    assert len(total) == max(len(one), len(other))
