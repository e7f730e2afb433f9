"""The cluster's process: django-q2's Cluster, started again when it dies, stopped when asked."""

import gc
import time
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from typing import Any

from django.db import connections
from django_q.cluster import Cluster
from django_q.signals import post_spawn

from workflows import signals
from workflows.cluster import django_q_options, held_runs, shared, step_processes, worker
from workflows.cluster.broker import RunBroker
from workflows.conf import conf

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
"""Between two starts of a cluster that dies early; doubled each time up to this."""
WATCH_SECONDS = 0.1
SILENCE_SECONDS = 10.0
"""A sentinel that reports nothing for so long hangs on a lock that somebody died with."""
IDLE_STOP_SECONDS = 0.3
"""A cluster that was told to stop drives nothing any more once it is idle; it may be killed then."""


def run_cluster(options: Mapping[str, Any]) -> None:
    """Run a cluster until SIGTERM or SIGINT; start it again whenever it dies by itself.

    options: of django-q2, by their names in a Q_CLUSTER.
    """
    django_q_options.use(options)
    shared.install()
    held_runs.install(conf().slots)
    step_processes.install()
    post_spawn.connect(worker.born)
    # What is there now is shared with every child until somebody writes to it, as a collector does.
    gc.collect()
    gc.freeze()
    pause = FIRST_PAUSE_SECONDS
    while not shared.stopping():
        connections.close_all()
        shared.reset()
        started = time.monotonic()
        _run_once()
        if shared.stopping():
            return
        if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        signals.cluster_died.send_robust(sender=Cluster, restart_in_seconds=pause)
        _pause(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _run_once() -> None:
    # Handed over: Q_CLUSTER may name the broker of a project's ordinary tasks.
    cluster = _QuietCluster(RunBroker())
    try:
        cluster.start()
    except RuntimeError:
        return  # it died while starting, and has said so
    _Watch(cluster).until_it_ends()


def _pause(seconds: float) -> None:
    until = time.monotonic() + seconds
    while not shared.stopping() and time.monotonic() < until:
        time.sleep(WATCH_SECONDS)  # one long sleep would go on after a signal


class _QuietCluster(Cluster):  # type: ignore[misc]
    """Its signal handler only takes note: what it must wait for is waited for outside of it."""

    def sig_handler(self, signum: int, frame: object) -> None:
        """Tell the drives and the sentinel to stop; a second signal changes nothing."""
        if shared.stopping():
            return
        shared.stop()
        if self.stop_event is not None:
            self.stop_event.set()


class _Watch:
    """Sees a sentinel to its end, which it may not reach by itself.

    Whoever is killed while holding one of django-q2's locks leaves it locked: the sentinel then
    waits for it for ever, or for workers that cannot take their last task.
    """

    def __init__(self, cluster: _QuietCluster) -> None:
        self._cluster = cluster
        self._sentinel: BaseProcess = cluster.sentinel
        self._beats = -1
        self._silent = self._idle = 0.0

    def until_it_ends(self) -> None:
        """Wait for the sentinel; kill it, and so all of its children, where it cannot end."""
        while self._sentinel.is_alive():
            self._sentinel.join(WATCH_SECONDS)
            if shared.stopping():
                self._help_it_stop()
            else:
                self._look_whether_it_hangs()

    def _look_whether_it_hangs(self) -> None:
        beats, self._beats = self._beats, shared.beats()
        self._silent = self._silent + WATCH_SECONDS if beats == self._beats else 0.0
        if self._silent >= SILENCE_SECONDS:
            signals.sentinel_hung.send_robust(sender=Cluster)
            self._kill()

    def _help_it_stop(self) -> None:
        # A signal that came before the event was made has not set it.
        if not self._cluster.stop_event.is_set():
            self._cluster.stop_event.set()
        self._idle = 0.0 if shared.busy_workers() else self._idle + WATCH_SECONDS
        if self._idle >= IDLE_STOP_SECONDS:
            self._kill()

    def _kill(self) -> None:
        shared.spare_the_living()
        self._sentinel.kill()
        self._sentinel.join()
