"""Drive runs in this process, in virtual time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Min
from django.utils import timezone

from workflows.conf import conf
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, RunView
from workflows.core.states import DUE_STATES, FINAL_STATES
from workflows.engine.deliver import send_event
from workflows.engine.drive import drive
from workflows.models import History, Run
from workflows.store.runs import claim_run
from workflows.store.views import get_history

ENOUGH = 10_000
TIMED = (
    HistoryKind.WAIT_STARTED,
    HistoryKind.SLEEP_STARTED,
    HistoryKind.ATTEMPT_FAILED,
    HistoryKind.COMPENSATION_ATTEMPT_FAILED,
)

_advances: list[tuple[datetime, timedelta]] = []
"""When the test let time pass, and how much. What began before has waited so much longer."""


def drive_until_idle() -> int:
    """Drive every run that is due, and what becomes due by it. Returns the number of drives."""
    for driven in range(ENOUGH):
        run = claim_run(worker_id=None, lease_seconds=conf().lease_seconds)
        if run is None:
            return driven
        drive(replace(run, now=run.now + _skipped(run)))
    raise AssertionError(f"runs are still due after {ENOUGH} drives: does one wake itself forever?")


def advance(*, seconds: float) -> int:
    """Let time pass without waiting: waits, sleeps, retries and deadlines come due in their order.

    Drives what is due before, on the way and at the end; returns the number of drives. The clocks
    of Python and PostgreSQL stand as they are; only runs feel it.
    """
    driven = drive_until_idle()
    left = timedelta(seconds=seconds)
    while left > timedelta():
        pause = min(left, _until_next())
        _let_pass(pause)
        left -= pause
        driven += drive_until_idle()
    return driven


def pass_time(run: UUID | RunView) -> None:
    """Let the time come that this run waits for: its retry, its sleep, its time limit.

    Time passes for all runs alike; the next drive_until_idle() drives what is due then.
    """
    row = Run.objects.get(pk=_id(run))
    if row.wake_at is None:
        raise AssertionError(f"run {row.pk} waits for no time (state {row.state})")
    _let_pass(max(timedelta(), row.wake_at - timezone.now()) + timedelta(milliseconds=1))


def send(run: UUID | RunView, name: str, payload: Any = None, *, key: str | None = None) -> int:
    """Send an event and drive what is due by it. Returns the number of drives."""
    send_event(_id(run), name, payload, key=key)
    return drive_until_idle()


def history_of(run: UUID | RunView) -> list[tuple[str, str]]:
    """Return what a run has done, a (kind, name) each, oldest first."""
    return [(entry.kind.value, entry.name) for entry in get_history(_id(run))]


def forget_time() -> None:
    """Begin anew: no time has been let pass."""
    _advances.clear()


def _id(run: UUID | RunView) -> UUID:
    return run.id if isinstance(run, RunView) else run


def _until_next() -> timedelta:
    waiting = Run.objects.filter(state__in=sorted(DUE_STATES))
    earliest = waiting.aggregate(earliest=Min("wake_at"))["earliest"]
    if earliest is None:
        return timedelta.max
    return max(timedelta(milliseconds=1), earliest - timezone.now())


def _let_pass(pause: timedelta) -> None:
    _advances.append((timezone.now(), pause))
    still_going = Run.objects.exclude(state__in=sorted(FINAL_STATES))
    still_going.filter(wake_at__isnull=False).update(wake_at=F("wake_at") - pause)
    still_going.filter(deadline__isnull=False).update(deadline=F("deadline") - pause)


def _skipped(run: ClaimedRun) -> timedelta:
    """Return how much the test let pass since the run began to wait for what it waits for."""
    began = History.objects.filter(run_id=run.id, kind__in=TIMED).aggregate(at=Max("at"))["at"]
    if began is None:
        return timedelta()
    return sum((pause for at, pause in _advances if at >= began), timedelta())
