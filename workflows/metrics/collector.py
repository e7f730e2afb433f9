"""The engine's metrics, read from the database at each scrape: whoever answers, they are the same."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from workflows.core.figures import Counted, Figure, Subject
from workflows.core.histogram import BOUNDS
from workflows.metrics.gauges import collect_gauges
from workflows.store.statistics import load_ever

EVERY_BOUND = 4
"""Of the bounds of core.histogram so many make one here: each is four times the one before."""

Labels = tuple[str, ...]


class Family(NamedTuple):
    """A metric that is read off figures."""

    name: str
    what: Counted
    label: str
    """What the name of a figure is; empty: all names are added up."""
    says: str


COUNTERS = (
    Family("workflows_runs_started", Counted.STARTED, "", "Runs that were started."),
    Family("workflows_runs_ended", Counted.ENDED, "outcome", "Runs that ended."),
    Family("workflows_runs_failed", Counted.FAILED, "kind", "Runs that failed, by the kind of error."),
    Family("workflows_runs_blocked", Counted.BLOCKED, "kind", "Times that runs were blocked, by the kind of error."),
    Family("workflows_runs_retried", Counted.RETRIED, "", "Runs that somebody let go on."),
    Family("workflows_runs_recovered", Counted.RECOVERED, "", "Runs that were taken over from lost workers."),
    Family("workflows_drives", Counted.CLAIMED, "", "Drives that began."),
    Family("workflows_writes_fenced", Counted.FENCED, "", "Drives whose writes were refused: their runs had been taken over."),
    Family("workflows_step_attempts_failed", Counted.ATTEMPT_FAILED, "step", "Attempts of steps that failed."),
    Family("workflows_steps_failed", Counted.STEP_FAILED, "step", "Steps that failed for good."),
)  # fmt: skip
HISTOGRAMS = (
    Family("workflows_run_duration_seconds", Counted.ENDED, "", "From the start of a run to its end."),
    Family("workflows_queue_wait_seconds", Counted.CLAIMED, "", "For how long runs were due before a worker drove them."),
    Family("workflows_step_duration_seconds", Counted.STEP, "step", "Of the attempts of steps that completed."),
)  # fmt: skip
RETRIES = Family(
    "workflows_step_retries",
    Counted.ATTEMPT_FAILED,
    "step",
    "Failed attempts of steps after which another was to follow.",
)


class EngineCollector(Collector):
    """Tells what is now, by index, and what was ever counted, from the figures."""

    def collect(self) -> Iterator[Metric]:
        """Yield all families. Raises django.db.Error."""
        ever = load_ever()
        yield from collect_gauges()
        for family in COUNTERS:
            yield _counter(family, _added_up(ever, family))
        yield _counter(RETRIES, _retries(ever))
        for family in HISTOGRAMS:
            yield _histogram(family, _added_up(ever, family))


def _added_up(ever: Mapping[Subject, Figure], family: Family) -> dict[Labels, Figure]:
    """Return the figures by labels: all versions together."""
    found: dict[Labels, Figure] = {}
    for subject, figure in ever.items():
        if subject.what == family.what:
            labels = (subject.workflow, subject.name) if family.label else (subject.workflow,)
            found.setdefault(labels, Figure()).add(figure)
    return found


def _retries(ever: Mapping[Subject, Figure]) -> dict[Labels, Figure]:
    found = _added_up(ever, RETRIES)
    for labels, figure in _added_up(ever, RETRIES._replace(what=Counted.STEP_FAILED)).items():
        found[labels].count -= figure.count
    return found


def _names(family: Family) -> list[str]:
    return ["workflow", family.label] if family.label else ["workflow"]


def _counter(family: Family, figures: Mapping[Labels, Figure]) -> Metric:
    metric = CounterMetricFamily(family.name, family.says, labels=_names(family))
    for labels, figure in sorted(figures.items(), key=_first):
        metric.add_metric(labels, figure.count)
    return metric


def _histogram(family: Family, figures: Mapping[Labels, Figure]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.says, labels=_names(family))
    for labels, figure in sorted(figures.items(), key=_first):
        metric.add_metric(labels, list(_cumulative(figure.buckets)), figure.seconds)
    return metric


def _first(item: tuple[Labels, Figure]) -> Labels:
    return item[0]


def _cumulative(buckets: list[int]) -> Iterable[tuple[str, float]]:
    for number in range(0, len(BOUNDS), EVERY_BOUND):
        yield f"{round(BOUNDS[number], 3)}", sum(buckets[: number + 1])
    yield "+Inf", sum(buckets)
