"""Series of charts: from figures alone, minutes and hours in one."""

from datetime import UTC, datetime, timedelta

import pytest

from workflows.api import InvalidInput, Span, load_charts
from workflows.core.figures import Counted, Figure, Subject, count_in_all
from workflows.core.histogram import ERROR, bucket_of
from workflows.models import Run
from workflows.store.statistics import add_figures
from workflows.tests.builders import counted_statements

pytestmark = pytest.mark.django_db
SAY = Subject(Counted.STEP, "tests.greet", 1, "say")


def add(
    what: Counted, *, ago: timedelta, seconds: float = 1.0, name: str = "", version: int = 1
) -> None:
    """Add one figure of one run or step."""
    figure = Figure(1, seconds, [0] * bucket_of(seconds) + [1])
    subject = Subject(what, "tests.greet", version, name)
    add_figures(count_in_all([(datetime.now(UTC) - ago, subject, figure)]))


@pytest.mark.parametrize(
    "span, points, seconds",
    [("1h", 60, 60), ("24h", 96, 900), ("7d", 168, 3600), ("30d", 120, 21600)],
)
def test_each_span_has_its_points_also_where_nothing_happened(
    span: str, points: int, seconds: float
) -> None:
    charts = load_charts(span)

    assert (len(charts.points), charts.seconds_per_point) == (points, seconds)
    assert {
        after.at - before.at
        for before, after in zip(charts.points, charts.points[1:], strict=False)
    } == {timedelta(seconds=seconds)}
    assert charts.points[-1].at <= datetime.now(UTC)
    assert charts.points[0].durations == (None, None, None, 0)


def test_ends_are_told_by_outcome_and_versions_together() -> None:
    for version in (1, 2):
        add(Counted.ENDED, ago=timedelta(0), name="completed", version=version, seconds=3.0)
    add(Counted.ENDED, ago=timedelta(0), name="failed")
    add(Counted.STARTED, ago=timedelta(0))
    add(Counted.CLAIMED, ago=timedelta(0), seconds=0.1)

    last = [point for point in load_charts().points if point.ended][-1]

    assert (last.ended, last.started) == ({"completed": 2, "failed": 1}, 1)
    assert last.durations.of == 3
    assert last.durations.p99 == pytest.approx(3.0, rel=ERROR)
    assert last.queue_wait.p50 == pytest.approx(0.1, rel=ERROR)


def test_a_span_has_what_happened_in_it() -> None:
    for ago in (timedelta(0), timedelta(days=3), timedelta(days=29), timedelta(days=31)):
        add(Counted.ENDED, ago=ago, name="completed")

    def total(span: Span) -> int:
        return sum(point.ended.get("completed", 0) for point in load_charts(span).points)

    assert [total(span) for span in (Span.HOUR, Span.DAY, Span.WEEK, Span.MONTH)] == [1, 1, 2, 3]


def test_the_slowest_steps_come_first_and_failures_are_told_by_step() -> None:
    add(Counted.STEP, ago=timedelta(0), name="quick", seconds=0.01)
    add(Counted.STEP, ago=timedelta(0), name="slow", seconds=9.0)
    add(Counted.ATTEMPT_FAILED, ago=timedelta(0), name="broken")
    add(Counted.STEP_FAILED, ago=timedelta(0), name="broken")

    charts = load_charts(Span.DAY)

    assert [each.step for each in charts.steps] == ["slow", "quick", "broken"]
    slow, _, broken = charts.steps
    assert slow.durations.p95 == pytest.approx(9.0, rel=ERROR)
    assert (slow.seconds, broken.failed_attempts, broken.failed) == (9.0, 1, 1)
    assert [point.failures for point in charts.points if point.failures] == [
        {("tests.greet", "broken"): 1}
    ]


def test_no_run_is_looked_at() -> None:
    with counted_statements() as sent:
        load_charts(Span.MONTH)

    assert not [each for each in sent if Run._meta.db_table in each]


def test_another_span_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'2h'; give one of 1h, 24h, 7d, 30d"):
        load_charts("2h")
