"""Lengths of time, counted in fixed buckets: histograms of any span can be added up.

A bucket reaches from one bound to the next, each the square root of two times the one before. What `quantile`
tells is the geometric middle of a bucket, and so at most 19 % off.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

SMALLEST_SECONDS = 0.001
BOUNDS = tuple(SMALLEST_SECONDS * 2 ** (power / 2) for power in range(64))
"""Seconds: from a millisecond to 35 days. The bucket of number 0 lies below the first, that of number N from
bound N - 1; the last has no end."""
ERROR = 2**0.25 - 1
"""How far off a quantile may be, as a share of it, between the first bound and the last."""


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket, as PostgreSQL's width_bucket does."""
    return bisect_right(BOUNDS, seconds)


def added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Return both histograms in one. What a list does not reach is none."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = list(longer)
    for number, count in enumerate(shorter):
        total[number] += count
    return total


def of_buckets(counts: Iterable[tuple[int, int]]) -> list[int]:
    """Return the histogram of pairs: a bucket's number, and how many are in it."""
    found = dict[int, int]()
    for number, count in counts:
        found[number] = found.get(number, 0) + count
    return [found.get(number, 0) for number in range(max(found, default=-1) + 1)]


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """Return the seconds below which this share (0 to 1) lies; None where nothing was counted."""
    total = sum(buckets)
    if not total:
        return None
    seen = 0
    for number, count in enumerate(buckets):
        seen += count
        if count and seen >= share * total:
            return _middle(number)
    return _middle(len(buckets) - 1)


def _middle(number: int) -> float:
    if number == 0:
        return BOUNDS[0] / 2
    if number == len(BOUNDS):
        return BOUNDS[-1]
    return float((BOUNDS[number - 1] * BOUNDS[number]) ** 0.5)
