"""Figures: how often something happened in a span of time, or ever, and how long it took.

Each is counted in all grains at once, so that a chart of any span is made of about a hundred of them.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from workflows.core.histogram import added, bucket_of


class Counted(enum.StrEnum):
    """What is counted. name of its Subject: what stands in brackets, else empty."""

    STARTED = "started"
    """Runs that were started."""
    ENDED = "ended"
    """Runs that ended (how: completed, failed, cancelled, compensated, continued), and the seconds since each was
    started."""
    FAILED = "failed"
    """Runs that failed (the kind of error)."""
    BLOCKED = "blocked"
    """Runs that were blocked (the kind of error)."""
    STEP = "step"
    """Steps that completed (the step), and the seconds of their last attempt."""
    ATTEMPT_FAILED = "attempt_failed"
    """Attempts of steps that failed (the step), and their seconds."""
    STEP_FAILED = "step_failed"
    """Steps that failed for good (the step)."""
    UNDONE = "undone"
    """Compensations that completed (the step), and their seconds."""
    UNDO_FAILED = "undo_failed"
    """Attempts of compensations that failed (the step), and their seconds."""
    RETRIED = "retried"
    """Runs that somebody let go on."""
    RECOVERED = "recovered"
    """Runs that were taken from lost workers."""
    CLAIMED = "claimed"
    """Drives that began in a cluster, and the seconds for which their runs had been due."""
    FENCED = "fenced"
    """Drives whose writes were refused, since their runs belonged to another worker."""


class Grain(enum.IntEnum):
    """The length of a figure's span in seconds."""

    EVER = 0
    """Since the statistics began. No such figure falls, or is deleted."""
    MINUTE = 60
    QUARTER = 900
    HOUR = 3600
    SIX_HOURS = 21600


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""At which the span of what is counted for ever is said to begin."""


class Subject(NamedTuple):
    """What a figure is about."""

    what: Counted
    workflow: str
    version: int
    """0 where nobody knows."""
    name: str = ""


class Place(NamedTuple):
    """Where a figure is kept."""

    grain: Grain
    at: datetime
    """When its span begins."""
    subject: Subject


@dataclass
class Figure:
    """So often, so long in all, and so many in each bucket of core.histogram (none where nothing takes time)."""

    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=list)

    def add(self, other: "Figure") -> None:
        """Count what the other has counted too."""
        self.count += other.count
        self.seconds += other.seconds
        self.buckets = added(self.buckets, other.buckets)

    def took(self, seconds: float) -> None:
        """Count one that took so long."""
        number = bucket_of(seconds)
        self.count += 1
        self.seconds += seconds
        self.buckets.extend([0] * (number + 1 - len(self.buckets)))
        self.buckets[number] += 1


Figures = dict[Place, Figure]


def add_figure(
    figures: Figures, grain: Grain, at: datetime, subject: Subject, told: Figure
) -> None:
    """Count a figure in the span of this grain in which the moment lies."""
    figures.setdefault(Place(grain, span_of(grain, at), subject), Figure()).add(told)


def count_in_all(counted: Iterable[tuple[datetime, Subject, Figure]]) -> Figures:
    """Return figures of all grains, each of which is written once."""
    figures: Figures = {}
    for at, subject, told in counted:
        for grain in Grain:
            add_figure(figures, grain, at, subject, told)
    return figures


def span_of(grain: Grain, at: datetime) -> datetime:
    """Return when the span begins in which the moment lies."""
    if grain == Grain.EVER:
        return EPOCH
    return datetime.fromtimestamp(at.timestamp() // grain * grain, UTC)


def in_order(figures: Figures) -> Iterator[tuple[Place, Figure]]:
    """Yield them in the order in which all writers lock their rows."""
    yield from sorted(figures.items(), key=lambda each: each[0])


def merged(figures: Sequence[Figure]) -> Figure:
    """Return all of them as one."""
    total = Figure()
    for each in figures:
        total.add(each)
    return total
