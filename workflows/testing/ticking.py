"""Schedules in virtual time: what the pushers of a cluster do."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from workflows.core.errors import DefinitionError
from workflows.core.schedule import Schedule
from workflows.definitions.schedule import declared_schedules
from workflows.definitions.workflow import known_code, workflow_definition
from workflows.engine.schedules.declared_rows import write_row
from workflows.engine.schedules.start_due import start_due
from workflows.store import schedules as store


def begin_schedules(*workflows: Callable[..., Any] | str) -> None:
    """Let the schedules that the code declares for these workflows begin now, as a cluster does when it
    starts: `advance` starts their runs. Raises DefinitionError for a workflow that has none.
    """
    for workflow in workflows:
        name = workflow_definition(workflow).name
        declared = [each for each in declared_schedules() if each.rules.workflow == name]
        if not declared:
            raise DefinitionError(f"begin_schedules: {name!r} has no schedule; write @schedule(…)")
        for each in declared:
            with transaction.atomic():
                write_row(each)


def any_schedule() -> bool:
    """Say whether there is a schedule that ticks."""
    return bool(_ticking())


def next_look(now: datetime, *, drove: bool) -> datetime | None:
    """Return when the next schedule may start a run; None: never. drove: a run may have ended since
    the last look, for which ticks wait."""
    looks = [_look(each, drove) for each in _ticking()]
    return min((max(each, now) for each in looks if each is not None), default=None)


def start_due_runs() -> None:
    """Start the runs of the ticks that are due."""
    while start_due() == 0.0:
        pass


def _ticking() -> list[Schedule]:
    ours = set(known_code()[0])
    schedules = [stored.schedule for stored in store.read()]
    return [each for each in schedules if not each.rests and each.rules.workflow in ours]


def _look(schedule: Schedule, drove: bool) -> datetime | None:
    """A cluster looks every second whether a run has ended. Here only a drive ends one."""
    if schedule.waiting and not drove:
        return None if schedule.next_tick is None else schedule.starts_at(schedule.next_tick)
    return schedule.next_at
