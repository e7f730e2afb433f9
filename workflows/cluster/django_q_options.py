"""Gives this process's django-q2 the options of a cluster of runs.

django-q2 reads Q_CLUSTER once, at its import, which is long before a command runs. In a project whose
Q_CLUSTER is for ordinary tasks, runcluster has other options: they are set where django-q2 keeps
them. What travels with a task (its broker, name, signature) stays the project's, so that a step may
call async_task() like any other code.
"""

from collections.abc import Mapping
from typing import Any

from django_q.conf import Conf, logger

ATTRIBUTES = {
    "workers": "WORKERS",
    "queue_limit": "QUEUE_LIMIT",
    "save_limit": "SAVE_LIMIT",
    "recycle": "RECYCLE",
    "max_rss": "MAX_RSS",
    "timeout": "TIMEOUT",
    "scheduler": "SCHEDULER",
    "guard_cycle": "GUARD_CYCLE",
    "cpu_affinity": "CPU_AFFINITY",
    "daemonize_workers": "DAEMONIZE_WORKERS",
}
"""An option of the cluster's processes: the attribute of Conf that holds it."""


def use(options: Mapping[str, Any]) -> None:
    """Let clusters started by this process run with these options."""
    for name, attribute in ATTRIBUTES.items():
        if name in options:
            setattr(Conf, attribute, options[name])
    logger.setLevel(options["log_level"])
