"""Statistics in tests: count all there is, and read what was counted."""

from datetime import timedelta
from typing import Any

from django.db.models import F

from workflows.cluster.statistics import Count
from workflows.core.figures import Counted, Grain
from workflows.models import Run, Statistic, StatisticMark
from workflows.store.database import Connection
from workflows.tests.builders import until


def begin_an_hour_ago(own: Connection) -> None:
    """Let what is written from here on be counted, and runs that were created within the last hour."""
    Count()(own)
    StatisticMark.objects.update(created_until=F("created_until") - timedelta(hours=1))


def let_them_age() -> None:
    """Make all runs a minute older, so that a mark does not leave them for the next."""
    Run.objects.update(created_at=F("created_at") - timedelta(minutes=1))


def count_all(own: Connection) -> None:
    """Count up to the mark that there is, then make one, and count up to that."""
    count = Count()
    until(lambda: _is_reached(count, own))
    until(lambda: _is_reached(count, own))


def _is_reached(count: Count, own: Connection) -> bool:
    count(own)
    return StatisticMark.objects.get().next_line_id is None


def ever(what: Counted, **fields: Any) -> dict[str, int]:
    """Return how often it happened, by name."""
    found = Statistic.objects.filter(grain=Grain.EVER, what=what, **fields)
    totals: dict[str, int] = {}
    for name, count in found.values_list("name", "count"):
        totals[name] = totals.get(name, 0) + count
    return totals
