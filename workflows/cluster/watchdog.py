"""Ends a cluster whose tasks wait while its workers idle.

A worker that is killed while it takes a task from the queue leaves the queue's lock behind, and
nobody takes a task again. No repair is possible from inside; a fresh cluster takes over.
"""

import logging
import os
from typing import Protocol

from workflows.cluster import shared
from workflows.conf import conf

logger = logging.getLogger("workflows.cluster")

EXIT_STALLED = 70


class Report(Protocol):
    """What the sentinel reports (django-q2's Stat)."""

    task_q_size: int
    workers: list[int]


class Watchdog:
    """Lives in the sentinel. beat_seconds: the time between two reports."""

    def __init__(self, beat_seconds: float) -> None:
        self._beat_seconds, self._stalled_beats = beat_seconds, 0

    def beat(self, report: Report) -> None:
        """Take a report. Ends the process, and with it the cluster, after stall_seconds."""
        living = set(report.workers)
        shared.forget_all_but(living)
        stalled = report.task_q_size > 0 and shared.busy_workers() < len(living)
        self._stalled_beats = self._stalled_beats + 1 if stalled and not shared.stopping() else 0
        if self._stalled_beats * self._beat_seconds >= conf().stall_seconds:
            logger.critical("tasks wait while workers idle; the cluster starts again")
            os._exit(EXIT_STALLED)
