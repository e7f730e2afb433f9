"""How long may a wait or sleep last, and is it over?"""

from datetime import UTC, datetime
from typing import Any

from workflows.core.errors import DefinitionError
from workflows.core.history import HistoryEntry
from workflows.core.line_fields import UNTIL

LONGEST_SECONDS = 36_525 * 86_400.0
"""A century. PostgreSQL keeps times that Python cannot read: one such row and no list is shown."""
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""The same, for a wait until a given moment."""


def sensible_seconds(asker: str, seconds: Any) -> float:
    """Return a time to wait, 0 for one that has passed. Raises DefinitionError."""
    if not isinstance(seconds, int | float) or not seconds <= LONGEST_SECONDS:  # NaN compares false
        raise DefinitionError(
            f"{asker}: {seconds!r:.40} is not a number of seconds up to a century"
        )
    return float(max(0.0, seconds))


def time_ahead(asker: str, seconds: Any) -> float:
    """Return a time that begins now: more than 0. Raises DefinitionError."""
    if sensible_seconds(asker, seconds) == 0:
        raise DefinitionError(f"{asker} is {seconds!r}; give more than 0: it is counted from now")
    return float(seconds)


def check_limit(option: str, seconds: Any) -> None:
    """Raise DefinitionError for a time limit that is no number above 0, nor None."""
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise DefinitionError(f"{option} is {seconds!r}; give more than 0, or None")


def sensible_moment(asker: str, moment: Any) -> datetime:
    """Return a moment to wait for. Raises DefinitionError."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise DefinitionError(f"{asker}: give an aware datetime (with its time zone)")
    if moment > LATEST:
        raise DefinitionError(f"{asker}: {moment} is too far away; give a time before {LATEST:%Y}")
    return moment


def is_due(started: HistoryEntry, now: datetime) -> bool:
    """Say whether the time of a wait or sleep has come; one without a time only an event ends."""
    until = UNTIL.find(started)
    return until is not None and until <= now
