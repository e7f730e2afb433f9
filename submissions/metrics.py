"""What `/metrics` tells of submissions."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from submissions.models import Submission
from submissions.states import Status

MOST_COUNTED = 10_000


class SubmissionsCollector(Collector):
    """Counts submissions by state, by index (submission_state_idx)."""

    def collect(self) -> Iterator[Metric]:
        """Yield one family. Raises django.db.Error."""
        metric = GaugeMetricFamily(
            "toolsite_submissions",
            f"Submissions, {MOST_COUNTED:,} of each state at most.",
            labels=["state"],
        )
        for status in Status:
            of_state = Submission.objects.filter(status=status)
            metric.add_metric([status.value], of_state[:MOST_COUNTED].count())
        yield metric
