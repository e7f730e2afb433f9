"""What is now: the queue, workers, limits, schedules."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from workflows.api import list_limits
from workflows.store import counting
from workflows.store import overview as store
from workflows.store.missing_code import list_missing_code
from workflows.store.run_counts import load_run_counts, load_unread


def collect_gauges() -> Iterator[Metric]:
    """Yield them, each kind in a few reads by index."""
    yield from _due()
    yield from _runs()
    yield from _workers()
    yield from _limits()
    yield from _schedules()
    yield _gauge(
        "workflows_events_unread", "Events that no run has consumed, 2,000 at most.", load_unread()
    )
    missing = GaugeMetricFamily(
        "workflows_code_missing_runs",
        "Due runs for which no living worker has code or serves the pool.",
        labels=["workflow", "version", "pool"],
    )
    for each in list_missing_code():
        missing.add_metric([each.workflow, str(each.version), each.step_pool], each.runs)
    yield missing
    behind = counting.seconds_behind()
    yield _gauge(
        "workflows_statistics_behind_seconds",
        "How far behind the counters are. Missing where nothing was counted yet.",
        *([] if behind is None else [behind]),
    )


def _gauge(name: str, says: str, *value: float) -> GaugeMetricFamily:
    metric = GaugeMetricFamily(name, says)
    for each in value:
        metric.add_metric([], each)
    return metric


def _due() -> Iterator[Metric]:
    due = store.load_due()
    yield _gauge("workflows_runs_due", "Runs that wait for a worker, 2,000 at most.", due.runs)
    yield _gauge("workflows_runs_late", "Those that are due for a minute or longer.", due.late)
    yield _gauge(
        "workflows_runs_due_oldest_age_seconds",
        "For how long the first of them has been due; 0 without any.",
        due.oldest_seconds,
    )


def _runs() -> Iterator[Metric]:
    counted = load_run_counts()
    runs = GaugeMetricFamily(
        "workflows_runs",
        "Runs that have not ended, as far as they are counted.",
        labels=["workflow", "state"],
    )
    for workflow, state, count in counted.runs:
        runs.add_metric([workflow, state], count)
    yield runs
    stopped = GaugeMetricFamily(
        "workflows_runs_counting_stopped",
        "1 where there are more of these runs than workflows_runs tells: counting stops at 2,000.",
        labels=["runs"],
    )
    for what, is_stopped in counted.stopped.items():
        stopped.add_metric([what], is_stopped)
    yield stopped


def _workers() -> Iterator[Metric]:
    by_host: dict[str, tuple[int, int, int]] = {}
    for worker in store.load_workers():
        workers, slots, busy = by_host.get(worker.host, (0, 0, 0))
        by_host[worker.host] = workers + 1, slots + worker.slots, busy + worker.driving
    told = (
        ("workflows_workers", "Living worker processes."),
        ("workflows_slots", "Runs that they can drive at a time."),
        ("workflows_slots_busy", "Runs that they drive."),
    )
    for place, (name, says) in enumerate(told):
        metric = GaugeMetricFamily(name, says, labels=["host"])
        for host, numbers in sorted(by_host.items()):
            metric.add_metric([host], numbers[place])
        yield metric


def _limits() -> Iterator[Metric]:
    taken = GaugeMetricFamily(
        "workflows_limit_taken", "Slots of limits that are taken.", labels=["limit"]
    )
    waiting = GaugeMetricFamily(
        "workflows_limit_waiting", "Runs that wait for a limit.", labels=["limit"]
    )
    most = GaugeMetricFamily(
        "workflows_limit_slots", "Slots of limits, for each key; rates have none.", labels=["limit"]
    )
    for limit in list_limits():
        taken.add_metric([limit.name], limit.taken)
        waiting.add_metric([limit.name], limit.waiting)
        slots = getattr(limit.rule, "most", None)
        if slots is not None:
            most.add_metric([limit.name], slots)
    yield from (taken, waiting, most)


def _schedules() -> Iterator[Metric]:
    late = GaugeMetricFamily(
        "workflows_schedule_late_seconds",
        "For how long a schedule has been due, of the ten that are due next.",
        labels=["schedule"],
    )
    for each in store.load_schedules():
        late.add_metric([each.name], each.late_seconds)
    yield late
    yield CounterMetricFamily(
        "workflows_schedule_ticks_missed",
        "Ticks that could not be started in time, of the schedules that there are.",
        value=store.load_missed(),
    )
