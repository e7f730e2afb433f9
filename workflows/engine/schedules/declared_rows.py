"""The schedules that code declares, written to their rows.

What the code says anew goes over what the row has; what it says as before leaves an operator's edit alone.
So each field belongs to whoever has changed it last.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from workflows.core.schedule import Rules, Schedule, begun_at
from workflows.definitions.schedule import DeclaredSchedule, declared_schedules
from workflows.definitions.workflow import known_code, workflow_definition
from workflows.engine.schedules import announced
from workflows.engine.schedules.tick_run import stored_input
from workflows.store import schedules as store
from workflows.store.database import Connection, transaction_on
from workflows.store.schedules import Stored

CODE = "code"
"""Who changed a schedule, where it was no person."""


def write_declared(on: Connection | None = None) -> None:
    """Let the rows say what the code of this process declares: one look where all is as it was.

    A schedule that the code of its workflow no longer declares rests, and comes back with the
    declaration. One that cannot be written is told, and holds up no other.
    """
    declared = {each.name: each for each in declared_schedules()}
    rows = {
        name: (said, removed, workflow)
        for name, said, removed, workflow in store.list_declared(on=on)
    }
    for name, each in declared.items():
        said, removed, _ = rows.get(name, (None, False, ""))
        if said is None or removed or said != each.rules.plain():
            _try(each, on)
    ours = set(known_code()[0])
    for name, (said, removed, workflow) in rows.items():
        if said is not None and not removed and name not in declared and workflow in ours:
            _remove(name, on)


def new_schedule(name: str, rules: Rules, now: datetime, *, in_code: bool) -> Schedule:
    """Return a schedule that begins now."""
    return begun_at(
        Schedule(
            name=name,
            rules=rules,
            in_code=in_code,
            removed=False,
            paused_at=None,
            paused_by="",
            pause_note="",
            done_until=now,
            next_tick=None,
            next_at=None,
            last_tick=None,
            last_run_id=None,
            open_runs=(),
            waiting=(),
            started=0,
            skipped=0,
            missed=0,
            problem="",
        ),
        now,
    )


def with_rules(schedule: Schedule, rules: Rules, now: datetime) -> Schedule:
    """Return the schedule with other rules: with another timing it begins anew, now."""
    begins = now if rules.timing != schedule.rules.timing else schedule.done_until
    return begun_at(replace(schedule, rules=rules, problem=""), begins)


def _try(declared: DeclaredSchedule, on: Connection | None) -> None:
    try:
        with transaction_on(on):
            write_row(declared, on)
    except Exception as exc:
        if on is not None and on.closed:
            raise
        announced.failed(declared.name, exc)
    else:
        announced.changed(declared.name, by=CODE)


def write_row(declared: DeclaredSchedule, on: Connection | None = None) -> None:
    """Let the row of a schedule say what the code declares. Called in a transaction. Raises InvalidInput."""
    now, plain = store.moment(on=on), declared.rules.plain()
    definition = workflow_definition(declared.rules.workflow)
    stored_input(definition, declared.rules.input, now, whose=declared.name)
    stored = store.lock(declared.name, on=on)
    if stored is None:
        schedule = new_schedule(declared.name, declared.rules, now, in_code=True)
        store.add(schedule, plain, on=on)
    else:
        store.save(_merged(stored, plain), plain, on=on)
    store.ring(on=on)


def _merged(stored: Stored, plain: Mapping[str, Any]) -> Schedule:
    schedule, before, now = stored
    said = {name: value for name, value in plain.items() if (before or {}).get(name) != value}
    rules = Rules.of_plain({**schedule.rules.plain(), **said})
    return with_rules(replace(schedule, removed=False), rules, now)


def _remove(name: str, on: Connection | None) -> None:
    with transaction_on(on):
        stored = store.lock(name, on=on)
        if stored is None:
            return
        store.save(replace(stored.schedule, removed=True), stored.declared, on=on)
    announced.changed(name, by=CODE)
