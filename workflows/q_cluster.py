"""What django-q2 is told about the cluster that drives runs. Needs no loaded Django: settings use it."""

import logging
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

BROKER = "workflows.cluster.broker.RunBroker"
OWN_CLUSTER = "workflows"
"""The entry of ALT_CLUSTERS with runcluster's options, beside a Q_CLUSTER for ordinary tasks."""
MOST_WORKERS = 1000
"""The cluster's shared memory has a slot for each process (workflows/cluster/shared.py)."""
LONGER_THAN_ANY_DRIVE_SECONDS = 7 * 24 * 3600

QUEUES = ("orm", "redis", "django_redis", "sqs", "iron_mq", "mongo")
"""Names in a Q_CLUSTER by which django-q2 finds a queue for ordinary tasks."""

OPTIONS = {
    *("ALT_CLUSTERS", "ack_failures", "broker_class", "bulk", "cache", "cached", "catch_up"),
    *("cluster_name", "compress", "cpu_affinity", "daemonize_workers", "django_redis"),
    *("error_reporter", "guard_cycle", "iron_mq", "label", "log_level", "max_attempts", "max_rss"),
    *("mongo", "mongo_db", "name", "orm", "poll", "queue_limit", "recycle", "redis", "retry"),
    *("save_limit", "save_limit_per", "scheduler", "sqs", "sync", "testing", "time_zone"),
    *("timeout", "workers"),
}
"""The names that django-q2 knows; it passes over any other in silence."""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "workers": (
        lambda value: _is_whole(value) and 1 <= value <= MOST_WORKERS,
        f"a whole number from 1 to {MOST_WORKERS}",
    ),
    "queue_limit": (lambda value: _is_whole(value) and value > 0, "a whole number above 0"),
    "recycle": (lambda value: _is_whole(value) and value > 0, "a whole number above 0"),
    "guard_cycle": (_is_positive, "a number of seconds above 0"),
    "timeout": (lambda value: value is None or _is_positive(value), "seconds above 0, or None"),
    "log_level": (
        lambda value: isinstance(value, str) and value in logging.getLevelNamesMapping(),
        'the name of a level, for example "WARNING"',
    ),
}
"""What the processes of runcluster cannot do without."""


def option_fault(options: Mapping[Any, Any]) -> str:
    """Say what is wrong with the first option that a cluster of runs cannot have, "" for none."""
    for name, value in options.items():
        if name not in OPTIONS:
            near = get_close_matches(str(name), OPTIONS, n=1)
            return f"there is no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        fits, instead = RULES.get(name, (lambda _: True, ""))
        if not fits(value):
            return f"{name!r} is {value!r:.80}; give {instead}"
    return ""


def cluster_settings(*, workers: int = 8, **options: Any) -> dict[str, Any]:
    """Return a Q_CLUSTER whose cluster drives runs: `Q_CLUSTER = workflows.cluster_settings(workers=8)`.

    workers: processes that drive runs, from 1 to 1000. options: more of django-q2's, which go before
    ours: name="shop", ALT_CLUSTERS={…} (clusters for ordinary tasks). Raises ValueError.
    """
    if fault := option_fault({"workers": workers, **options}):
        raise ValueError(f"cluster_settings: {fault}")
    return {
        "name": "workflows",
        "broker_class": BROKER,
        "workers": workers,
        # A task is only a call to look at the queue of runs: many may wait, none is kept.
        "queue_limit": 1_000,
        "save_limit": -1,
        # Workers keep a connection that shows that they live; django-q2 need not renew them.
        "recycle": 1_000_000_000,
        # Steps have limits of their own: django-q2's kill the worker, and must never act.
        "timeout": LONGER_THAN_ANY_DRIVE_SECONDS,
        "retry": LONGER_THAN_ANY_DRIVE_SECONDS + 60,
        # Workers that are no daemons may have children: steps may use multiprocessing.
        "daemonize_workers": False,
        # Schedules of ordinary tasks belong to the cluster of ordinary tasks.
        "scheduler": False,
        # How often, in seconds, the sentinel looks after dead workers.
        "guard_cycle": 0.5,
        # INFO is a line for every drive.
        "log_level": "WARNING",
        **options,
    }


def own_cluster(q_cluster: dict[str, Any] | None) -> dict[str, Any]:
    """Return the options of runcluster's cluster in a project with this Q_CLUSTER (None: without)."""
    given = q_cluster or {}
    if given.get("broker_class") != BROKER:
        given = (given.get("ALT_CLUSTERS") or {}).get(OWN_CLUSTER, {})
    return {**cluster_settings(), **given}
