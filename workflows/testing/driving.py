"""Drive runs in this process."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from workflows.conf import conf
from workflows.engine.drive import drive
from workflows.models import Run
from workflows.store.runs import claim_run

ENOUGH = 10_000


_skipped: dict[UUID, timedelta] = {}


def drive_until_idle() -> int:
    """Drive every run that is due, and what becomes due by it. Returns the number of drives."""
    for driven in range(ENOUGH):
        run = claim_run(worker_id=None, lease_seconds=conf().lease_seconds)
        if run is None:
            return driven
        drive(replace(run, now=run.now + _skipped.pop(run.id, timedelta())))
    raise AssertionError(f"runs are still due after {ENOUGH} drives: does one wake itself forever?")


def pass_time(run_id: UUID) -> None:
    """Let the time come that a waiting run waits for: its retry, its sleep, its time limit.

    The next drive_until_idle() in this process drives it as if it were that time.
    """
    run = Run.objects.get(pk=run_id)
    if run.wake_at is None:
        raise AssertionError(f"run {run_id} waits for no time (state {run.state})")
    _skipped[run_id] = max(timedelta(), run.wake_at - run.created_at)
    Run.objects.filter(pk=run_id).update(wake_at=run.created_at)
