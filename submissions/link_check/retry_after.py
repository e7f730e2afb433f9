"""How long a site asks us to wait (the Retry-After header). Pure; the clock is an argument."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 3_600.0

SECONDS = re.compile(r"0*([0-9]{1,9})")
TOO_MANY_SECONDS = re.compile(r"[0-9]+")


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return seconds between 1 and 3,600, or None where nothing sensible is said.

    `value` is a number of seconds or an HTTP date, as RFC 9110 has it.
    """
    if value is None:
        return None
    value = value.strip()
    if TOO_MANY_SECONDS.fullmatch(value):
        seconds = SECONDS.fullmatch(value)
        return clamp(float(seconds[1])) if seconds else LONGEST_SECONDS
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return clamp((moment - now).total_seconds())


def clamp(seconds: float) -> float:
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
