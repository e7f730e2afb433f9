"""The django-q2 broker: due runs out, "drive" tasks in.

The run table is the queue. A task carries nothing; it sends a worker to look. Nothing is
acknowledged or stored: what becomes of a run is written by its drive.
"""

import uuid
from functools import cache
from typing import Any

from django.utils import timezone
from django_q.brokers import Broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import SignedPackage

from workflows.cluster.bell import Bell
from workflows.cluster.watchdog import Watchdog
from workflows.conf import conf


class RunBroker(Broker):  # type: ignore[misc]
    """runcluster's queue, and Q_CLUSTER["broker_class"] of a project without ordinary tasks."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._bell = Bell(Conf.WORKERS, conf().slots)
        self._watchdog = Watchdog(Conf.GUARD_CYCLE)

    def enqueue(self, task: str) -> Any:
        """Put an ordinary task into the queue of its own cluster; refuse one without: here are runs.

        django-q2 makes this broker whatever cluster a task is for. Raises RuntimeError.
        """
        others = sorted(Conf.conf.get("ALT_CLUSTERS") or {})
        if self.list_key not in others:
            known = ", ".join(others) or "none yet"
            raise RuntimeError(
                f"cluster {self.list_key!r} takes no ordinary tasks, it drives workflow runs; "
                f"name one of Q_CLUSTER['ALT_CLUSTERS'] ({known}), as in "
                'async_task(..., cluster="tasks") (docs/another-project.md)'
            )
        return ORM(self.list_key).enqueue(task)

    def dequeue(self) -> list[tuple[None, str]]:
        """Return a drive for each worker that should look at the queue; wait a poll at most."""
        return [(None, _drive_task())] * self._bell.wait()

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Receive the sentinel's report, once a guard cycle: the watchdog's heartbeat."""
        self._watchdog.beat(SignedPackage.loads(value))

    def acknowledge(self, task_id: object) -> None:
        """Nothing to acknowledge."""

    def ping(self) -> bool:
        """Whether the cluster may start; the bell waits for the database by itself."""
        return True

    def info(self) -> str:
        """Name the broker."""
        return "workflows"

    @staticmethod
    def get_cache() -> Any:
        """No statistics in a cache: the sentinel must open no connection before it forks."""
        return None


@cache
def _drive_task() -> str:
    """Return the task, signed as django-q2 wants it. They are all alike: nothing is kept of them."""
    task = {
        "id": uuid.uuid4().hex,
        "name": "drive",
        "func": "workflows.tasks.drive_due",
        "args": (),
        "kwargs": {},
        "started": timezone.now(),
    }
    return str(SignedPackage.dumps(task))
