"""What schedules announce, as log lines of the logger "workflows"."""

import logging
from typing import Any

from workflows import signals
from workflows.observe.once_a_minute import first_line, worth_saying

logger = logging.getLogger("workflows")


def connect() -> None:
    """Listen to the schedules."""
    signals.schedule_passed_over.connect(_passed_over)
    signals.schedule_failed.connect(_failed)
    signals.schedule_late.connect(_late)
    signals.schedule_paused.connect(_paused)
    signals.schedule_resumed.connect(_resumed)
    signals.schedule_triggered.connect(_triggered)
    signals.schedule_changed.connect(_changed)


def _passed_over(*, schedule: str, skipped: int, missed: int, **_: Any) -> None:
    if (since := worth_saying("passed over", schedule)) is not None:
        words = "schedule %s: %d ticks skipped, since a run is open, and %d missed, since nobody could start them%s"
        logger.warning(words, schedule, skipped, missed, since)


def _failed(*, schedule: str, error: Exception, **_: Any) -> None:
    if (since := worth_saying("schedule failed", schedule, first_line(error))) is not None:
        logger.error("schedule %s failed, trying on%s: %s", schedule, since, first_line(error))


def _late(*, schedule: str, workflow: str, seconds: float, **_: Any) -> None:
    logger.warning(
        "schedule %s has been due for %.0f s and no cluster starts it; is %s in the code of any?",
        *(schedule, seconds, workflow),
    )


def _paused(*, schedule: str, by: str, note: str, **_: Any) -> None:
    level = logging.ERROR if by == "workflows" else logging.INFO
    logger.log(level, "schedule %s is paused by %s: %s", schedule, by or "somebody", note)


def _resumed(*, schedule: str, by: str, reason: str, **_: Any) -> None:
    logger.info("schedule %s is resumed by %s: %s", schedule, by or "somebody", reason)


def _triggered(*, schedule: str, runs: list[Any], by: str, reason: str, **_: Any) -> None:
    words = "schedule %s: %d runs started by hand by %s: %s"
    logger.info(words, schedule, len(runs), by or "somebody", reason)


def _changed(*, schedule: str, by: str, **_: Any) -> None:
    logger.info("schedule %s was changed by %s", schedule, by or "somebody")
