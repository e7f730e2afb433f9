"""The pusher renews the leases of its cluster's workers, besides each worker's own thread.

That thread shares the interpreter with the step: a regular expression or a call into C may keep it
waiting for longer than a lease. What renews here needs no interpreter but the pusher's. Workers that
are stopped or dead are left out: a frozen worker loses its run.
"""

import time
from uuid import UUID

from workflows.cluster import held_runs, process_state
from workflows.conf import conf
from workflows.core.running_steps import HeldRun
from workflows.store import workers as store
from workflows.store.database import Connection

LOOK_EVERY_SECONDS = 1.0
SHOW_AFTER_SECONDS = 1.0
"""A step that takes so long is shown on its run at the next look, before the lease is due."""

Steps = frozenset[tuple[int, int, bool]]


def look_every_seconds() -> float:
    """Return how often the pusher looks what is to be renewed."""
    return min(LOOK_EVERY_SECONDS, conf().lease_seconds / 3)


class Renewal:
    """One pusher's account of what it has renewed and shown."""

    def __init__(self) -> None:
        self._renewed: dict[tuple[UUID, int], tuple[float, Steps]] = {}
        """By run and attempt: when, and with which long steps."""

    def __call__(self, own: Connection) -> None:
        """Renew what is due, and show what has not been shown; one statement, or none."""
        now, held, due = time.monotonic(), {}, []
        for row in held_runs.rows():
            for run in row.runs:
                key = (run.run_id, run.attempt)
                held[key] = self._renewed.get(key, (row.since[key], frozenset()))
                if self._is_due(run, *held[key], now) and process_state.goes_on(row.holder.pid):
                    due.append(run)
        self._renewed = held
        if due:
            store.renew_leases(own, due, lease_seconds=conf().lease_seconds)
        for run in due:
            self._renewed[run.run_id, run.attempt] = (now, _long_steps(run))

    def _is_due(self, run: HeldRun, renewed_at: float, shown: Steps, now: float) -> bool:
        return now - renewed_at >= conf().lease_seconds / 3 or not _long_steps(run) <= shown


def _long_steps(run: HeldRun) -> Steps:
    return frozenset(
        (step.position, step.attempt, step.undo)
        for step in run.steps
        if step.age_seconds >= SHOW_AFTER_SECONDS
    )
