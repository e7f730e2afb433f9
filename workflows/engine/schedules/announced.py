"""What schedules announce, said in one way."""

from collections.abc import Sequence
from uuid import UUID

from workflows import signals
from workflows.core.run import RunView
from workflows.core.schedule import Schedule
from workflows.engine import announcements


def started(run: RunView) -> None:
    """Say that a run's row was inserted."""
    announcements.run_started(run.id, run.workflow, run.version, key=run.key)


def passed_over(schedule: Schedule, *, skipped: int, missed: int) -> None:
    """Say that ticks have no run, where there are such."""
    if skipped or missed:
        signals.schedule_passed_over.send_robust(
            sender=Schedule, schedule=schedule.name, skipped=skipped, missed=missed
        )


def failed(name: str, error: Exception) -> None:
    """Say that a schedule could not do what was due."""
    signals.schedule_failed.send_robust(sender=Schedule, schedule=name, error=error)


def late(name: str, workflow: str, seconds: float) -> None:
    """Say that nobody starts a schedule that is due."""
    signals.schedule_late.send_robust(
        sender=Schedule, schedule=name, workflow=workflow, seconds=seconds
    )


def paused(schedule: Schedule) -> None:
    """Say that a schedule was paused."""
    signals.schedule_paused.send_robust(
        sender=Schedule, schedule=schedule.name, by=schedule.paused_by, note=schedule.pause_note
    )


def resumed(name: str, *, by: str, reason: str) -> None:
    """Say that a schedule was resumed."""
    signals.schedule_resumed.send_robust(sender=Schedule, schedule=name, by=by, reason=reason)


def triggered(name: str, runs: Sequence[UUID], *, by: str, reason: str) -> None:
    """Say that somebody has had runs started."""
    signals.schedule_triggered.send_robust(
        sender=Schedule, schedule=name, runs=list(runs), by=by, reason=reason
    )


def changed(name: str, *, by: str) -> None:
    """Say that a schedule was made, changed, removed or brought back."""
    signals.schedule_changed.send_robust(sender=Schedule, schedule=name, by=by)
