"""What django-q2 is told about the cluster that drives runs. Needs no loaded Django: settings use it."""

from typing import Any

BROKER = "workflows.cluster.broker.RunBroker"
OWN_CLUSTER = "workflows"
"""The entry of ALT_CLUSTERS with runcluster's options, beside a Q_CLUSTER for ordinary tasks."""
MOST_WORKERS = 1000
"""The cluster's shared memory has a slot for each process (workflows/cluster/shared.py)."""
LONGER_THAN_ANY_DRIVE_SECONDS = 7 * 24 * 3600

QUEUES = ("orm", "redis", "django_redis", "sqs", "iron_mq", "mongo")
"""Names in a Q_CLUSTER by which django-q2 finds a queue for ordinary tasks."""


def cluster_settings(*, workers: int = 8, **options: Any) -> dict[str, Any]:
    """Return a Q_CLUSTER whose cluster drives runs: `Q_CLUSTER = workflows.cluster_settings(workers=8)`.

    workers: processes that drive runs, from 1 to 1000. options: more of django-q2's, which go before
    ours: name="shop", ALT_CLUSTERS={…} (clusters for ordinary tasks). Raises ValueError.
    """
    if (
        isinstance(workers, bool)
        or not isinstance(workers, int)
        or not 1 <= workers <= MOST_WORKERS
    ):
        raise ValueError(
            f"cluster_settings(workers={workers!r}): give a whole number from 1 to {MOST_WORKERS}"
        )
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
