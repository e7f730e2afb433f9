"""The operator's verbs: make, change, pause, resume, trigger, backfill; and what there is to see."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from workflows.core.errors import InvalidInput, ScheduleNotFound
from workflows.core.run import RunView
from workflows.core.schedule import MOST_WAITING, Overlap, Rules, Schedule, begun_at, overlap_of
from workflows.core.timing import MICROSECOND, Timing
from workflows.definitions.schedule import OverlapName, check_schedule_name
from workflows.definitions.workflow import workflow_definition
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine.requests.asked import name_of, words_of
from workflows.engine.schedules import announced
from workflows.engine.schedules.declared_rows import new_schedule, with_rules
from workflows.engine.schedules.tick_run import start_tick, stored_input
from workflows.store import schedules as store
from workflows.store.schedules import Stored

MOST_TIMES = 1_000
"""Ticks that next_times tells, and a backfill takes."""


def list_schedules() -> list[Schedule]:
    """Return all schedules, by their names."""
    return [stored.schedule for stored in store.read()]


def get_schedule(name: str, *, decrypt: bool = True) -> Schedule:
    """Return a schedule. Raises ScheduleNotFound. An input that is encrypted with a key that is not here
    (or any, with decrypt=False) is shown as {"encrypted": the id of the key}."""
    found = store.read(name, decrypt=decrypt) if isinstance(name, str) else []
    if not found:
        raise ScheduleNotFound(f"there is no schedule {name!r:.80}")
    return found[0].schedule


def next_times(schedule: Schedule | str, *, count: int = 10) -> list[datetime]:
    """Return the next ticks of a schedule in its own time zone, as far as there are so many; jitter is not
    in them. One that is paused tells when it would tick. Raises ScheduleNotFound, InvalidInput."""
    if not isinstance(count, int) or not 0 <= count <= MOST_TIMES:
        raise InvalidInput(f"count is {count!r:.40}; give a number up to {MOST_TIMES:,}")
    if isinstance(schedule, str):
        schedule = get_schedule(schedule)
    timing, zone = schedule.rules.timing, ZoneInfo(schedule.rules.timing.zone)
    after = schedule.done_until if timing.at is not None else max(schedule.done_until, _now())
    return [tick.astimezone(zone) for tick in timing.first_ticks(after, count)]


def put_schedule(
    name: str,
    workflow: Callable[..., Any] | str,
    *,
    cron: str = "",
    zone: str = "UTC",
    every_seconds: float | None = None,
    at: datetime | None = None,
    input: Mapping[str, Any] | None = None,
    overlap: OverlapName | Overlap = Overlap.SKIP,
    catch_up_seconds: float = 3600.0,
    jitter_seconds: float = 0.0,
    pause_on_failure: bool = False,
    by: str = "",
    dry_run: bool = False,
) -> Schedule:
    """Make a schedule, or change the one of this name to exactly this, and return it; the options are those
    of @schedule. With another timing it begins anew. Raises InvalidInput, UnknownWorkflow.

    dry_run: check it and return what would be made, for its next_times; write nothing.

    One that the code declares keeps its workflow; what is changed here stands until the code says
    something else of the same field.
    """
    refuse("calls put_schedule()", IN_A_STEP)
    definition, who = workflow_definition(workflow), name_of(by)
    check_schedule_name(name)
    rules = Rules(
        workflow=definition.name,
        timing=Timing(cron=cron, zone=zone, every_seconds=every_seconds, at=at),
        input=stored_input(definition, dict(input or {}), _now(), whose=name),
        overlap=overlap_of(overlap),
        catch_up_seconds=catch_up_seconds,
        jitter_seconds=jitter_seconds,
        pause_on_failure=pause_on_failure,
    )
    if dry_run:
        return new_schedule(name, rules, _now(), in_code=False)
    with transaction.atomic():
        _put(name, rules)
    announced.changed(name, by=who)
    return get_schedule(name)


def _put(name: str, rules: Rules) -> None:
    stored = store.lock(name)
    if stored is None:
        if store.add(new_schedule(name, rules, _now(), in_code=False), None):
            store.ring()
            return
        stored = _locked(name)
    if stored.declared is not None and stored.schedule.rules.workflow != rules.workflow:
        raise InvalidInput(
            f"schedule {name!r} is declared on {stored.schedule.rules.workflow!r} in the code; "
            "make another one for another workflow"
        )
    store.save(with_rules(stored.schedule, rules, stored.now), stored.declared)
    store.ring()


def delete_schedule(name: str, *, by: str = "") -> None:
    """Delete a schedule; its runs stay. Raises ScheduleNotFound; InvalidInput for one that the code
    declares, since it would come back."""
    refuse("calls delete_schedule()", IN_A_STEP)
    who = name_of(by)
    with transaction.atomic():
        schedule = _locked(name).schedule
        if schedule.in_code and not schedule.removed:
            raise InvalidInput(f"schedule {name!r} is declared in the code; pause it instead")
        store.delete(name)
    announced.changed(name, by=who)


def pause_schedule(name: str, *, reason: str = "", by: str = "") -> bool:
    """Let a schedule start nothing until it is resumed; what runs goes on. The reason is kept as the
    pause's note. False: it is paused already. Raises ScheduleNotFound."""
    refuse("calls pause_schedule()", IN_A_STEP)
    note, who = words_of("reason", reason, 500), name_of(by)
    with transaction.atomic():
        schedule, declared, now = _locked(name)
        if schedule.paused_at is not None:
            return False
        schedule = replace(schedule, paused_at=now, paused_by=who, pause_note=note)
        store.save(schedule, declared)
    announced.paused(schedule)
    return True


def resume_schedule(name: str, *, reason: str = "", by: str = "") -> bool:
    """Let a schedule go on with the next tick from now: those of its pause are passed over, and a backfill
    makes them good. False: it is not paused. Raises ScheduleNotFound."""
    refuse("calls resume_schedule()", IN_A_STEP)
    why, who = words_of("reason", reason, 500), name_of(by)
    with transaction.atomic():
        schedule, declared, now = _locked(name)
        if schedule.paused_at is None:
            return False
        runs = store.living_ends(schedule.open_runs, on=None)
        schedule = replace(schedule, paused_at=None, paused_by="", pause_note="", problem="")
        schedule = replace(schedule, open_runs=tuple(run.id for run in runs if not run.is_over))
        store.save(begun_at(schedule, now), declared)
        store.ring()
    announced.resumed(name, by=who, reason=why)
    return True


def trigger_schedule(name: str, *, reason: str = "", by: str = "") -> RunView:
    """Start a run of a schedule now, also where it is paused or another run is open, and return it. Later
    ticks see it as open. Raises ScheduleNotFound, InvalidInput, UnknownWorkflow."""
    refuse("calls trigger_schedule()", IN_A_STEP)
    why, who = words_of("reason", reason, 500), name_of(by)
    with transaction.atomic():
        schedule, declared, now = _locked(name)
        run = start_tick(schedule, now, on=None, by_hand=True)
        assert run is not None  # noqa: S101 - its key is new
        _note_runs(schedule, declared, [run])
    announced.started(run)
    announced.triggered(name, [run.id], by=who, reason=why)
    return run


def backfill_schedule(
    name: str, start: datetime, end: datetime, *, reason: str = "", by: str = ""
) -> list[datetime]:
    """Make good the ticks from start to end (both included), and return them: a run each, with the tick's own
    key, so that those which have one get no other.

    With the overlap "allow" they start at once; else they wait for each other, and for what is open. Raises
    ScheduleNotFound; InvalidInput for a range that is none or has more than 1,000 ticks, or whose
    schedule would cancel each for the next.
    """
    refuse("calls backfill_schedule()", IN_A_STEP)
    why, who = words_of("reason", reason, 500), name_of(by)
    with transaction.atomic():
        stored = _locked(name)
        ticks = _past_ticks(stored, start, end)
        runs = _backfill(stored, ticks)
    for run in runs:
        announced.started(run)
    announced.triggered(name, [run.id for run in runs], by=who, reason=why)
    return ticks


def _past_ticks(stored: Stored, start: datetime, end: datetime) -> list[datetime]:
    schedule = stored.schedule
    for moment in (start, end):
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise InvalidInput(f"backfill of {schedule.name!r}: give two aware datetimes")
    if not start <= end <= stored.now:
        raise InvalidInput(f"backfill of {schedule.name!r}: give a start, then an end in the past")
    if schedule.rules.overlap == Overlap.CANCEL_PREVIOUS:
        raise InvalidInput(
            f"schedule {schedule.name!r} cancels the run before; give it another overlap first"
        )
    found = schedule.rules.timing.first_ticks(start - MICROSECOND, MOST_WAITING + 1)
    ticks = [tick for tick in found if tick <= end]
    if len({*ticks, *schedule.waiting}) > MOST_WAITING:
        raise InvalidInput(f"more than {MOST_WAITING:,} ticks would wait; backfill them in parts")
    return ticks


def _backfill(stored: Stored, ticks: list[datetime]) -> list[RunView]:
    schedule, declared, now = stored
    if schedule.rules.overlap == Overlap.ALLOW:
        tried = [start_tick(schedule, tick, on=None) for tick in ticks]
        return _note_runs(schedule, declared, [run for run in tried if run is not None])
    waiting = tuple(sorted({*schedule.waiting, *ticks}))
    store.save(
        replace(schedule, waiting=waiting, next_at=now if waiting else schedule.next_at), declared
    )
    store.ring()
    return []


def _note_runs(
    schedule: Schedule, declared: dict[str, Any] | None, runs: list[RunView]
) -> list[RunView]:
    if runs:
        ids = tuple(run.id for run in runs)
        schedule = replace(schedule, started=schedule.started + len(ids), last_run_id=ids[-1])
        store.save(replace(schedule, open_runs=(*schedule.open_runs, *ids)), declared)
    return runs


def _locked(name: str) -> Stored:
    stored = store.lock(name) if isinstance(name, str) else None
    if stored is None:
        raise ScheduleNotFound(f"there is no schedule {name!r:.80}")
    return stored


def _now() -> datetime:
    return store.moment()
