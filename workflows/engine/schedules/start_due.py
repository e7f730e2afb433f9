"""Start the runs of the ticks that are due: a row at a time, in the transaction that moves it on.

Any number of pushers do this. The row's lock lets one of them at a tick, the run's key would refuse a second
one, and who dies in between leaves the row as it was.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import DatabaseError, connection

from workflows.core.errors import WorkflowError
from workflows.core.failure import storable
from workflows.core.run import RunView
from workflows.core.schedule import Plan, Schedule, plan
from workflows.definitions.workflow import known_code
from workflows.engine.requests import steering
from workflows.engine.schedules import announced
from workflows.engine.schedules.tick_run import start_tick
from workflows.store import schedules as store
from workflows.store.database import Connection, transaction_on
from workflows.store.schedules import RunOfSchedule, Stored, UnreadableSchedule

AT_A_TIME_SECONDS = 0.2
"""A pusher has other chores; what is left comes at the next turn."""
SOON_SECONDS = 0.05
"""Until the next look where others are at a schedule that is due."""
MOST_WATCHED = 1_000
"""Open runs of a schedule that are looked at; of more, the newest."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a turn has made of a schedule."""

    schedule: Schedule
    runs: Sequence[RunView] = ()
    plan: Plan | None = None
    cancels: Sequence[UUID] = ()


def start_due(on: Connection | None = None) -> float | None:
    """Start what is due of the workflows that this process has code for. Returns in how many seconds there
    is something to do again; None: there never is."""
    begun = time.monotonic()
    workflows = sorted(set(known_code()[0]))
    while True:
        seconds = store.next_seconds(workflows, on=on)
        if seconds is None or seconds > 0:
            return seconds
        if not _turn(workflows, on):
            return SOON_SECONDS
        if time.monotonic() - begun > AT_A_TIME_SECONDS:
            return 0.0


def _turn(workflows: Sequence[str], on: Connection | None) -> bool:
    """Do what is due of one schedule. False: others are at it."""
    name = ""
    try:
        with transaction_on(on):
            stored = store.take_due(workflows, on=on)
            if stored is None:
                return False
            name = stored.schedule.name
            done = _do(stored, on)
    except Exception as exc:
        name = exc.name if isinstance(exc, UnreadableSchedule) else name
        if not name or _is_lost(on):
            raise
        _put_off(name, exc, on)
        return True
    _announce(done)
    _cancel(done)
    return True


def _do(stored: Stored, on: Connection | None) -> Done:
    schedule, declared, now = stored
    runs = store.living_ends(schedule.open_runs, on=on)
    still = tuple(run.id for run in runs if not run.is_over)
    if schedule.rules.pause_on_failure and (failed := [run for run in runs if run.has_failed]):
        paused = replace(_paused(schedule, stored, failed), open_runs=still)
        store.save(paused, declared, on=on)
        return Done(schedule=paused)
    planned = plan(schedule, now, is_busy=bool(still))
    tried = [start_tick(schedule, tick, on=on) for tick in planned.start]
    begun = [run for run in tried if run is not None]
    schedule = replace(
        schedule,
        done_until=planned.done_until,
        next_tick=planned.next_tick,
        next_at=planned.next_at,
        last_tick=planned.start[-1] if planned.start else schedule.last_tick,
        last_run_id=begun[-1].id if begun else schedule.last_run_id,
        open_runs=(*still, *(run.id for run in begun))[-MOST_WATCHED:],
        waiting=planned.waiting,
        started=schedule.started + len(begun),
        skipped=schedule.skipped + planned.skipped,
        missed=schedule.missed + planned.missed,
        problem="",
    )
    store.save(schedule, declared, on=on)
    return Done(
        schedule=schedule, runs=begun, plan=planned, cancels=still if planned.cancels else ()
    )


def _paused(schedule: Schedule, stored: Stored, failed: Sequence[RunOfSchedule]) -> Schedule:
    note = f"run {failed[-1].id} failed"
    return replace(schedule, paused_at=stored.now, paused_by="workflows", pause_note=note)


def _announce(done: Done) -> None:
    """Behind the transaction: a receiver must neither hold its locks nor break it."""
    if done.plan is None:
        announced.paused(done.schedule)
        return
    for run in done.runs:
        announced.started(run)
    announced.passed_over(done.schedule, skipped=done.plan.skipped, missed=done.plan.missed)


def _cancel(done: Done) -> None:
    """Cancel the runs for whose end the newest tick waits. What fails is tried again at the next look.

    On Django's connection, as every cancel; a pusher has none of its own else, and keeps none.
    """
    for run_id in done.cancels:
        try:
            steering.cancel_for_schedule(run_id, schedule=done.schedule.name)
        except (DatabaseError, WorkflowError) as exc:
            announced.failed(done.schedule.name, exc)
        finally:
            if not connection.in_atomic_block:
                connection.close()


def _put_off(name: str, exc: Exception, on: Connection | None) -> None:
    """Leave a schedule alone that cannot be started, so that it holds up no other."""
    words = storable(f"{type(exc).__name__}: {exc}".partition("\n")[0], 500)
    store.put_off(name, words, on=on)
    announced.failed(name, exc)


def _is_lost(on: Connection | None) -> bool:
    return on is not None and on.closed
