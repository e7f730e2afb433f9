"""The cluster's process: django-q2's Cluster, started again when it dies, stopped when asked."""

import logging
import signal
import time

from django.db import connections
from django_q.cluster import Cluster
from django_q.signals import post_spawn

from workflows.cluster import shared, worker

logger = logging.getLogger("workflows.cluster")

PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0


def run_cluster() -> None:
    """Run a cluster until SIGTERM or SIGINT; start it again whenever it dies by itself."""
    shared.install()
    post_spawn.connect(worker.born)
    pause = PAUSE_SECONDS
    while not shared.stopping():
        connections.close_all()
        started = time.monotonic()
        _run_once()
        if shared.stopping():
            return
        if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
            pause = PAUSE_SECONDS
        logger.error("the cluster died; starting it again in %.1f s", pause)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _run_once() -> None:
    cluster = _StoppableCluster()
    try:
        cluster.start()
    except RuntimeError:
        return  # it died while starting, and has said so
    cluster.sentinel.join()


class _StoppableCluster(Cluster):  # type: ignore[misc]
    """Tells the drives before django-q2 waits for them."""

    def sig_handler(self, signum: int, frame: object) -> None:
        shared.stop()
        if signum == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().sig_handler(signum, frame)

    def stop(self) -> bool:
        shared.stop()
        return bool(super().stop()) if self.sentinel and self.stop_event else False
