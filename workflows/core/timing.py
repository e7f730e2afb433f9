"""When a schedule ticks: by a cron line, at an interval, or once."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from workflows.core.cron_line import CronLine
from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.time_checks import LATEST, LONGEST_SECONDS, sensible_moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SHORTEST_SECONDS = 1.0
"""Between two ticks of an interval."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Exactly one of cron, every_seconds and at is given. Raises InvalidInput for anything else."""

    cron: str = ""
    """Five fields, read in the zone."""
    zone: str = "UTC"
    every_seconds: float | None = None
    """Ticks at the multiples of this since 1970-01-01 00:00 UTC, whichever host counts them."""
    at: datetime | None = None
    """The one tick there is."""

    def __post_init__(self) -> None:
        given = [bool(self.cron), self.every_seconds is not None, self.at is not None]
        if sum(given) != 1:
            raise InvalidInput("a schedule needs one of: a cron line, every_seconds, at")
        _line(self.cron or "* * * * *", self.zone)
        if self.every_seconds is not None:
            _check_interval(self.every_seconds)
        if self.at is not None:
            _check_moment(self.at)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than this moment, in UTC; None: there is none."""
        if self.at is not None:
            return self.at.astimezone(UTC) if self.at > moment else None
        if self.every_seconds is not None:
            found: datetime | None = _next_multiple(moment, self.every_seconds)
        else:
            found = _line(self.cron, self.zone).next_after(moment)
        return found if found is not None and found < LATEST else None

    def ticks_after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the ticks later than this moment."""
        tick = self.next_after(moment)
        while tick is not None:
            yield tick
            tick = self.next_after(tick)

    def first_ticks(self, after: datetime, count: int) -> list[datetime]:
        """Return so many ticks, as far as there are so many."""
        return list(islice(self.ticks_after(after), count))


def starts_at(name: str, tick: datetime, following: datetime | None, seconds: float) -> datetime:
    """Return when the run of a tick starts: as much later as chance wants, less than so many seconds,
    and before the following tick. The same for everybody who asks."""
    if seconds <= 0:
        return tick
    longest = timedelta(seconds=seconds)
    if following is not None:
        longest = min(longest, following - tick)
    digest = hashlib.sha256(f"{name} {tick.astimezone(UTC).isoformat()}".encode()).digest()
    chance = int.from_bytes(digest[:6], "big")  # in whole numbers, so that nothing is rounded up
    return tick + (longest // MICROSECOND * chance // 2**48) * MICROSECOND


@functools.lru_cache(maxsize=512)
def _line(cron: str, zone: str) -> CronLine:
    return CronLine(cron, zone)


def _next_multiple(moment: datetime, seconds: float) -> datetime:
    step = timedelta(seconds=seconds)
    return EPOCH + ((moment - EPOCH) // step + 1) * step


def _check_interval(seconds: object) -> None:
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS
    ):
        raise InvalidInput(
            f"every_seconds is {seconds!r:.40}; give a number of seconds from 1 to a century"
        )


def _check_moment(moment: object) -> None:
    try:
        sensible_moment("at", moment)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None
