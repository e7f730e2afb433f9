"""Faults in an order drawn from a seed: processes killed and stopped, PostgreSQL restarted and frozen."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from django.db import connection

from workflows.tests.cluster.lab import Lab, is_alive
from workflows.tests.cluster.postgres import IMMEDIATE, Postgres

LONGEST_STOP_SECONDS = 20.0


class Nemesis:
    """Hurts two clusters and their server. A cluster that it ends is started again, as a service
    manager would."""

    def __init__(self, lab: Lab, postgres: Postgres, *, seed: int, workers: int) -> None:
        self._lab, self._postgres, self._workers = lab, postgres, workers
        self._chance = random.Random(seed)
        self._thaws: list[threading.Timer] = []
        self.clusters = [lab.cluster(workers=workers) for _ in range(2)]
        self.done: Counter[str] = Counter()

    def ready(self) -> "Nemesis":
        """Wait until both clusters are there."""
        for cluster in self.clusters:
            cluster.wait_until_ready()
        return self

    def act(self, plan: dict[str, int], *, pauses_seconds: tuple[float, float]) -> None:
        """Do each fault of the plan so often, in any order, with pauses between."""
        faults = [name for name, times in plan.items() for _ in range(times)]
        self._chance.shuffle(faults)
        for name in faults:
            fault: Callable[[], bool] = getattr(self, name)
            self.done[name if fault() else f"{name}: nobody there"] += 1
            time.sleep(self._chance.uniform(*pauses_seconds))

    def rest(self) -> None:
        """Wait until whoever is stopped goes on."""
        for thaw in self._thaws:
            thaw.join()

    def kill_worker(self) -> bool:
        """End a worker of either cluster at once."""
        return self._signal("worker", signal.SIGKILL) is not None

    def kill_sentinel(self) -> bool:
        """End a sentinel, and so its children."""
        return self._signal("sentinel", signal.SIGKILL) is not None

    def kill_pusher(self) -> bool:
        """End a pusher at once."""
        return self._signal("pusher", signal.SIGKILL) is not None

    def stop_worker(self) -> bool:
        """Freeze a worker for a while."""
        return self._freeze("worker")

    def stop_pusher(self) -> bool:
        """Freeze a pusher for a while."""
        return self._freeze("pusher")

    def kill_both_clusters(self) -> bool:
        """End both main processes at the same moment, and start two others."""
        for cluster in self.clusters:
            cluster.main.kill()
        self.clusters = [self._lab.cluster(workers=self._workers) for _ in range(2)]
        return True

    def kill_cluster(self) -> bool:
        """End a main process, and start another cluster."""
        at = self._chance.randrange(2)
        self.clusters[at].main.kill()
        self.clusters[at] = self._lab.cluster(workers=self._workers)
        return True

    def restart_postgres(self) -> bool:
        """Stop the server as if it had crashed, and start it."""
        connection.close()
        self._postgres.stop(IMMEDIATE)
        time.sleep(self._chance.uniform(0, 3))
        self._postgres.start()
        return True

    def freeze_postgres(self) -> bool:
        """Let the server say nothing for a while."""
        with self._postgres.frozen():
            time.sleep(self._stop_seconds())
        return True

    def _signal(self, role: str, which: int) -> int | None:
        pids = [pid for cluster in self.clusters for pid in cluster.pids(role)]
        if not pids:
            return None
        pid = self._chance.choice(pids)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, which)
        return pid

    def _freeze(self, role: str) -> bool:
        pid = self._signal(role, signal.SIGSTOP)
        if pid is None:
            return False
        thaw = threading.Timer(self._stop_seconds(), _go_on, [pid])
        thaw.start()
        self._thaws.append(thaw)
        return True

    def _stop_seconds(self) -> float:
        return self._chance.uniform(1, LONGEST_STOP_SECONDS)


def _go_on(pid: int) -> None:
    if is_alive(pid):
        os.kill(pid, signal.SIGCONT)
