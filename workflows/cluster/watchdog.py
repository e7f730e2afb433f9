"""Ends a cluster whose tasks wait while its workers idle.

A worker that is killed while it takes a task from the queue leaves the queue's lock behind, and
nobody takes a task again. The monitor's queue can be left so too. No repair is possible from
inside; a fresh cluster takes over.
"""

import os
import signal
from typing import Protocol

from workflows import signals
from workflows.cluster import shared
from workflows.conf import conf

EXIT_STALLED = 70
MANY_RESULTS = 1000
"""The monitor drops thousands of results in a second; so many waiting, it takes none."""


class Report(Protocol):
    """What the sentinel reports (django-q2's Stat)."""

    task_q_size: int
    done_q_size: int
    workers: list[int]


class Watchdog:
    """Lives in the sentinel. beat_seconds: the time between two reports."""

    def __init__(self, beat_seconds: float) -> None:
        self._beat_seconds, self._stalled_beats = beat_seconds, 0
        self._looks = 0

    def beat(self, report: Report) -> None:
        """Take a report. Ends the process, and with it the cluster, after stall_seconds."""
        if shared.beats() == 0:
            # Whoever stops services often signals every process of one: the command's own alone
            # decides, and lets drives end. A handler, since "ignore" would pass to programs that
            # steps start.
            signal.signal(signal.SIGTERM, _leave_it_to_the_command)
        shared.beat()
        shared.forget_all_but(set(report.workers))
        stalled = not shared.stopping() and self._is_stalled(report)
        self._stalled_beats = self._stalled_beats + 1 if stalled else 0
        # Counted in beats, not by a clock: while the machine sleeps, nobody is late.
        if self._stalled_beats * self._beat_seconds >= conf().stall_seconds:
            signals.cluster_stalled.send_robust(sender=Watchdog)
            shared.spare_the_living()
            os._exit(EXIT_STALLED)

    def _is_stalled(self, report: Report) -> bool:
        """Whether tasks wait that an idle worker could take, and none was taken since last time."""
        looks, self._looks = self._looks, shared.looks()
        waiting = report.task_q_size > 0 and shared.busy_workers() < len(report.workers)
        return (waiting and looks == self._looks) or report.done_q_size > MANY_RESULTS


def _leave_it_to_the_command(signum: int, frame: object) -> None:
    """Do nothing."""
