"""What tests of schedules share: schedules of a test's own, and time that has passed for them."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from workflows import api
from workflows.models import Run, Schedule as Row
from workflows.tests.flows import wait_for_go

HOUR = 3600.0


def made(name: str = "report", **given: Any) -> api.Schedule:
    """Make a schedule of a workflow that waits until it is told to go, or of another one; hourly unless
    something else is given."""
    workflow = given.pop("workflow", wait_for_go)
    if not given.keys() & {"cron", "every_seconds", "at"}:
        given["every_seconds"] = HOUR
    return api.put_schedule(name, workflow, **given)


def let_pass(seconds: float, name: str = "report") -> None:
    """Let nobody have looked after a schedule for so long, up to now."""
    back = timedelta(seconds=seconds)
    Row.objects.filter(name=name).update(done_until=Now() - back, next_at=Now())


def runs() -> list[Run]:
    """Return all runs in the order of their ticks."""
    return list(Run.objects.order_by("key"))
