"""Read figures for charts: by interval, and by step."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, cast

from workflows.core.figures import Counted, Figure, Grain, Subject
from workflows.core.histogram import of_buckets
from workflows.store.database import query
from workflows.store.statement import STATEMENT_TIME, Statement, one_of

_TIMED = one_of([Counted.ENDED, Counted.CLAIMED])
_COUNTED = one_of([Counted.STARTED, Counted.ENDED, Counted.ATTEMPT_FAILED])
_OF_STEPS = one_of([Counted.STEP, Counted.ATTEMPT_FAILED, Counted.STEP_FAILED])
_SPAN = "grain = %(grain)s AND at >= %(since)s"
_NOW = Statement(f"SELECT {STATEMENT_TIME}")
_COUNTS = Statement(
    f"""
    SELECT at, what, CASE what WHEN '{Counted.ATTEMPT_FAILED}' THEN workflow ELSE '' END, name,
           sum(count)::bigint
    FROM workflows_statistic WHERE {_SPAN} AND what IN {_COUNTED}
    GROUP BY 1, 2, 3, 4
    """
)
_HISTOGRAMS = Statement(
    f"""
    SELECT at, what, number::integer - 1, sum(each)::bigint
    FROM workflows_statistic, unnest(buckets) WITH ORDINALITY AS bucket (each, number)
    WHERE {_SPAN} AND what IN {_TIMED} AND each > 0
    GROUP BY 1, 2, 3
    """
)
_STEPS = Statement(
    f"""
    SELECT what, workflow, name, sum(count)::bigint, sum(seconds)
    FROM workflows_statistic WHERE {_SPAN} AND what IN {_OF_STEPS}
    GROUP BY 1, 2, 3
    """
)
_STEP_HISTOGRAMS = Statement(
    f"""
    SELECT workflow, name, number::integer - 1, sum(each)::bigint
    FROM workflows_statistic, unnest(buckets) WITH ORDINALITY AS bucket (each, number)
    WHERE {_SPAN} AND what = '{Counted.STEP}' AND each > 0
    GROUP BY 1, 2, 3
    """
)


class Interval(NamedTuple):
    """Figures of one interval, all versions together."""

    at: datetime
    subject: Subject
    times: int


def moment() -> datetime:
    """Return the time by the database's clock."""
    [[now]] = query(_NOW)
    return cast("datetime", now)


def load_counts(grain: Grain, since: datetime) -> Iterator[Interval]:
    """Yield how often things happened, by interval; failed attempts by workflow and step."""
    for at, what, workflow, name, count in query(_COUNTS, _params(grain, since)):
        yield Interval(at, Subject(Counted(what), workflow, 0, name), count)


def load_histograms(grain: Grain, since: datetime) -> dict[tuple[datetime, Counted], Figure]:
    """Return the durations of runs and their waits in the queue, by interval."""
    counted: dict[tuple[datetime, Counted], list[tuple[int, int]]] = {}
    for at, what, number, count in query(_HISTOGRAMS, _params(grain, since)):
        counted.setdefault((at, Counted(what)), []).append((number, count))
    return {place: Figure(buckets=of_buckets(pairs)) for place, pairs in counted.items()}


def load_steps(grain: Grain, since: datetime) -> dict[tuple[str, str], dict[Counted, Figure]]:
    """Return what each step did in all of the span, by workflow and step."""
    params = _params(grain, since)
    found: dict[tuple[str, str], dict[Counted, Figure]] = {}
    for what, workflow, name, count, seconds in query(_STEPS, params):
        found.setdefault((workflow, name), {})[Counted(what)] = Figure(count, seconds)
    counted: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for workflow, name, number, count in query(_STEP_HISTOGRAMS, params):
        counted.setdefault((workflow, name), []).append((number, count))
    for step, pairs in counted.items():
        found[step][Counted.STEP].buckets = of_buckets(pairs)
    return found


def _params(grain: Grain, since: datetime) -> dict[str, object]:
    return {"grain": int(grain), "since": since}
