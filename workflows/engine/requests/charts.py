"""The series behind the charts, from the figures of each minute and hour."""

from collections import defaultdict
from datetime import datetime, timedelta
from math import inf

from workflows.core.charts import (
    RESOLUTIONS,
    Charts,
    Point,
    Quantiles,
    Span,
    StepFigures,
)
from workflows.core.errors import InvalidInput
from workflows.core.figures import Counted, Figure, Grain, span_of
from workflows.store import charts as store
from workflows.store import counting


def load_charts(span: Span | str = Span.HOUR) -> Charts:
    """Return the series of a span that ends now: "1h", "24h", "7d" or "30d". Raises InvalidInput for another.

    They come from figures that clusters keep, and are some seconds behind. No run is looked at.
    """
    if span not in Span.values:
        raise InvalidInput(f"there is no span {span!r:.80}; give one of {', '.join(Span.values)}")
    length, grain = RESOLUTIONS[Span(span)]
    end = span_of(grain, store.moment())
    first = end - length + timedelta(seconds=grain)
    return Charts(
        span=Span(span),
        points=_points(grain, first, end),
        seconds_per_point=grain,
        steps=_steps(grain, first),
        behind_seconds=counting.seconds_behind(),
    )


def _points(grain: Grain, first: datetime, last: datetime) -> tuple[Point, ...]:
    ended: dict[datetime, dict[str, int]] = defaultdict(dict)
    failures: dict[datetime, dict[tuple[str, str], int]] = defaultdict(dict)
    started: dict[datetime, int] = defaultdict(int)
    for at, subject, count in store.load_counts(grain, first):
        if subject.what == Counted.ENDED:
            ended[at][subject.name] = count
        elif subject.what == Counted.STARTED:
            started[at] = count
        else:
            failures[at][subject.workflow, subject.name] = count
    timed = store.load_histograms(grain, first)
    nothing = Figure()
    points, at = [], first
    while at <= last:
        durations = Quantiles.read(timed.get((at, Counted.ENDED), nothing))
        waits = Quantiles.read(timed.get((at, Counted.CLAIMED), nothing))
        points.append(Point(at, ended[at], started[at], durations, waits, failures[at]))
        at += timedelta(seconds=grain)
    return tuple(points)


def _steps(grain: Grain, first: datetime) -> tuple[StepFigures, ...]:
    found = []
    nothing = Figure()
    for (workflow, step), told in store.load_steps(grain, first).items():
        completed = told.get(Counted.STEP, nothing)
        found.append(
            StepFigures(
                workflow=workflow,
                step=step,
                completed=completed.count,
                failed_attempts=told.get(Counted.ATTEMPT_FAILED, nothing).count,
                failed=told.get(Counted.STEP_FAILED, nothing).count,
                durations=Quantiles.read(completed),
                seconds=completed.seconds,
            )
        )
    return tuple(sorted(found, key=lambda each: (-_slowness(each), each.workflow, each.step)))


def _slowness(figures: StepFigures) -> float:
    p95 = figures.durations.p95
    return -inf if p95 is None else p95
