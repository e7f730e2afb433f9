"""Drive runs in this process, in virtual time."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, Q

from workflows.conf import conf
from workflows.core.chunk import newest_tries
from workflows.core.run import RunId, run_id_of
from workflows.core.states import DUE_STATES
from workflows.core.time_checks import LONGEST_SECONDS
from workflows.engine import announcements
from workflows.engine.drive.drive import drive
from workflows.engine.requests.read_stream import read_stream
from workflows.engine.requests.result import set_helper
from workflows.engine.requests.send_event import send_event
from workflows.engine.served_code import own_pool
from workflows.models import Run
from workflows.store.queue import claim_run
from workflows.store.views import get_history, get_run
from workflows.testing import ticking
from workflows.testing.clock import clock
from workflows.testing.committing import as_if_committed

ENOUGH = 10_000


def _drive_in_place_of_waiting() -> None:
    drive_until_idle()


set_helper(_drive_in_place_of_waiting)
"""In a test's transaction nobody else sees the runs: who waits for one has them driven."""


def drive_until_idle() -> int:
    """Drive every run that is due, and what becomes due by it, each step in a drive of its pool. Returns the
    number of drives."""
    for driven in range(ENOUGH):
        run = claim_run(worker_id=None, lease_seconds=conf().lease_seconds)
        if run is None:
            return driven
        with as_if_committed():
            announcements.run_claimed(run, worker_id=None)
            drive(run, pools=[run.step_pool or own_pool(run.workflow, run.version)])
    raise AssertionError(f"runs are still due after {ENOUGH} drives: does one wake itself forever?")


def advance(seconds: float | timedelta) -> int:
    """Let time pass without waiting: waits, sleeps, retries and deadlines of all runs come due in
    their order, also of what is started on the way. Schedules that have a row (begin_schedules,
    put_schedule) start their runs, each at its tick.

    Drives what is due before, on the way and at the end; returns the number of drives. Only the
    engine feels it: timezone.now() and Now() in your own code tell the real time.
    """
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(
            f"advance: {seconds!r:.40} is not a number of seconds from 0 up to a century"
        )
    end = clock.now() + timedelta(seconds=seconds)
    driven = drive_until_idle()
    drove = True
    while (Run.objects.exists() or ticking.any_schedule()) and (now := clock.now()) < end:
        look = ticking.next_look(now, drove=drove)
        times = [each for each in (end, look, _next_due(now)) if each is not None]
        clock.move(max(min(times) - now, timedelta()))
        if look is not None:
            ticking.start_due_runs()
        drives = drive_until_idle()
        driven, drove = driven + drives, drives > 0
    return driven


def pass_time(run: RunId) -> None:
    """Let the time come that this run waits for: its retry, its sleep, its time limit.

    Time passes for all runs alike; the next drive_until_idle() drives what is due then.
    """
    found = get_run(run)
    if found.wake_at is None:
        raise AssertionError(f"run {found.id} waits for no time (state {found.state})")
    clock.move(max(timedelta(), found.wake_at - clock.now()))


def send(run: RunId, name: str, payload: Any = None, *, key: str | None = None) -> int:
    """Send an event and drive what is due by it. Returns the number of drives."""
    send_event(run_id_of(run), name, payload, key=key)
    return drive_until_idle()


def history_of(run: RunId) -> list[tuple[str, str]]:
    """Return what a run has done, a (kind, name) each, oldest first."""
    return [(entry.kind.value, entry.name) for entry in get_history(run_id_of(run))]


def stream_of(run: RunId) -> list[Any]:
    """Return what a run has emitted, as a page shows it in the end: of each step what its newest attempt did.

    In a test's transaction chunks are written when their step ends.
    """
    return [chunk.value for chunk in newest_tries(read_stream(run, timeout_seconds=0))]


def forget_time() -> None:
    """Go with the real clock again. A test whose runs are gone does so by itself."""
    clock.forget()


def _next_due(now: datetime) -> datetime | None:
    open_runs = Run.objects.filter(state__in=sorted(DUE_STATES))
    at: dict[str, datetime | None] = open_runs.aggregate(
        own=Min("wake_at", filter=Q(wake_at__gt=now)),
        guest=Min("step_due_at", filter=Q(step_due_at__gt=now)),
    )
    return min((each for each in at.values() if each is not None), default=None)
