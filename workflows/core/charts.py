"""What charts are made of: series over a span of time, each point an interval."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import TextChoices

from workflows.core.figures import Figure, Grain
from workflows.core.histogram import quantile


class Span(TextChoices):
    """How far back a chart reaches."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


class Resolution(NamedTuple):
    """How a span is cut."""

    length: timedelta
    grain: Grain
    """Of each of its points."""


RESOLUTIONS = {
    Span.HOUR: Resolution(timedelta(hours=1), Grain.MINUTE),
    Span.DAY: Resolution(timedelta(days=1), Grain.QUARTER),
    Span.WEEK: Resolution(timedelta(days=7), Grain.HOUR),
    Span.MONTH: Resolution(timedelta(days=30), Grain.SIX_HOURS),
}


class Throughput(NamedTuple):
    """How often something happened."""

    name: str
    times: int
    per_minute: float


class Quantiles(NamedTuple):
    """Seconds that half, 95 and 99 of a hundred stay below, at most 19 % off; None: there was none."""

    p50: float | None
    p95: float | None
    p99: float | None
    of: int
    """So many were measured."""

    @staticmethod
    def read(figure: Figure) -> "Quantiles":
        """Read them off a histogram."""
        p50, p95, p99 = (quantile(figure.buckets, share) for share in (0.5, 0.95, 0.99))
        return Quantiles(p50, p95, p99, sum(figure.buckets))


class Point(NamedTuple):
    """One interval of a chart. What did not happen in it has no entry."""

    at: datetime
    """When it begins."""
    ended: dict[str, int]
    """By outcome."""
    started: int
    durations: Quantiles
    """Of runs, from their start to their end."""
    queue_wait: Quantiles
    """Of claims by clusters: for how long the run had been due."""
    failures: dict[tuple[str, str], int]
    """Failed attempts by workflow and step."""


class StepFigures(NamedTuple):
    """What a step did in the span of a chart."""

    workflow: str
    step: str
    completed: int
    failed_attempts: int
    failed: int
    """So often it failed for good."""
    durations: Quantiles
    """Of attempts that completed."""
    seconds: float
    """All of these together."""


@dataclass(frozen=True, kw_only=True)
class Charts:
    """The series of one span, oldest first, and its steps."""

    span: Span
    points: tuple[Point, ...]
    """One for each interval, also where nothing happened; the last is not over."""
    seconds_per_point: float
    steps: tuple[StepFigures, ...]
    """The slowest at p95 first."""
    behind_seconds: float | None
    """How far behind the figures are; None: nothing was counted yet."""
