"""Cron lines in a time zone: when is the next moment, also where clocks are changed?

cronsim knows the calendar, and is only asked about local times without a zone; what a change of clocks
does to them is decided here, and told in docs/schedules.md.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from workflows.core.errors import InvalidInput

ANY_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - local times have no zone here
SECOND = timedelta(seconds=1)
PROBE = timedelta(days=1)
"""Clocks are never changed twice within so long."""


class CronLine:
    """The moments of a cron line of five fields. Raises InvalidInput for what is none, or never comes.

    A line whose minute or hour begins with `*` follows the time that passes: what a change of clocks
    leaves out does not happen, what it repeats happens twice. Any other names times of the day: each
    happens once, one that is left out at the moment of the change.
    """

    def __init__(self, line: str, zone: str = "UTC") -> None:
        self._zone = known_zone(zone)
        self._line = _checked(line)
        minute, hour = line.split()[:2]
        self._passes = minute.startswith("*") or hour.startswith("*")

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first moment later than this one, in UTC; None: there is none within 50 years."""
        moment = moment.astimezone(UTC)
        return self._by_passing(moment) if self._passes else self._by_day(moment)

    def _by_day(self, after: datetime) -> datetime | None:
        for local in self._calendar(_naive(after + self._offset(after))):
            if (found := self._moment_of(local)) > after:
                return found
        return None

    def _by_passing(self, after: datetime) -> datetime | None:
        """Go from one change of clocks to the next: between two, local time is as regular as UTC."""
        offset = self._offset(after)
        local = _naive(after + offset)
        while (found := next(self._calendar(local), None)) is not None:
            moment = found.replace(tzinfo=UTC) - offset
            change = self._first_change(after, moment)
            if change is None:
                return moment
            after, offset = change, self._offset(change)
            local = _naive(change + offset) - SECOND  # the moment of the change may be one itself
        return None

    def _calendar(self, local: datetime) -> Iterator[datetime]:
        return iter(CronSim(self._line, local))

    def _moment_of(self, local: datetime) -> datetime:
        """Return the moment of a local time: the first of two, or that of the change that left it out."""
        moment = local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        if _naive(moment + self._offset(moment)) == local:
            return moment
        later = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return self._first_change(*sorted((moment, later))) or moment

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or timedelta()

    def _first_change(self, after: datetime, until: datetime) -> datetime | None:
        """Return the first moment in (after, until] at which clocks are changed."""
        offset = self._offset(after)
        while after < until:
            probe = min(after + PROBE, until)
            if self._offset(probe) != offset:
                return self._change_between(after, probe)
            after = probe
        return None

    def _change_between(self, before: datetime, behind: datetime) -> datetime:
        """Return the second of the change; it lies behind the first moment, and at the latest at the
        second."""
        offset = self._offset(before)
        low, high = int(before.timestamp()), -int(-behind.timestamp() // 1)
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(datetime.fromtimestamp(middle, UTC)) == offset:
                low = middle
            else:
                high = middle
        return datetime.fromtimestamp(high, UTC)


def known_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name. Raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (OSError, TypeError, ValueError, KeyError):  # a folder, no text, a path, no such zone
        raise InvalidInput(
            f"there is no time zone {name!r:.80}; give a name such as Europe/Brussels or UTC"
        ) from None


def _checked(line: str) -> str:
    if not isinstance(line, str) or len(line.split()) != 5:
        raise InvalidInput(
            f"cron line {line!r:.80}: give five fields: minute, hour, day of the month, month, "
            "day of the week"
        )
    try:
        comes = next(CronSim(line, ANY_DAY), None)
    except (CronSimError, ValueError) as exc:
        raise InvalidInput(f"cron line {line!r:.80}: {_said(exc)}") from None
    if comes is None:
        raise InvalidInput(f"cron line {line!r:.80} never comes")
    return line


def _said(error: Exception) -> str:
    """Return cronsim's words, such as "bad minute", or ours where it only stumbles."""
    words = str(error)
    return words[0].lower() + words[1:] if isinstance(error, CronSimError) else "cannot be read"


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
