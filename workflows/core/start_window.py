"""Starts that come in crowds: of those with the same key, the newest is the one that runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError
from workflows.core.time_checks import LONGEST_SECONDS


@dataclass(frozen=True)
class Debounce:
    """Run once nobody has asked for so long; each start takes the place of the one before.

    Raises DefinitionError for what is none.
    """

    key: str
    """Which starts of the workflow are one."""
    seconds: float
    """Of silence, before it runs."""
    at_most_seconds: float | None = None
    """After the first start it runs, however many follow; None: they may put it off for ever."""

    def __post_init__(self) -> None:
        _check("debounce", self.key, self.seconds)
        if self.at_most_seconds is not None:
            _check("debounce", self.key, self.at_most_seconds)
            if self.at_most_seconds < self.seconds:
                raise DefinitionError(
                    f"debounce: at_most_seconds is {self.at_most_seconds:g}, which is over before a "
                    f"silence of {self.seconds:g} s; give as much or more"
                )

    def due(self, now: datetime, first_at: datetime) -> datetime:
        """Return when it runs, as things stand; first_at: when the first of them was asked for."""
        due = now + timedelta(seconds=self.seconds)
        if self.at_most_seconds is None:
            return due
        return min(due, max(now, first_at + timedelta(seconds=self.at_most_seconds)))


@dataclass(frozen=True)
class Throttle:
    """Run at once, and then once in so many seconds at most; of the starts meanwhile the newest runs.

    Raises DefinitionError for what is none.
    """

    key: str
    """Which starts of the workflow are one."""
    seconds: float
    """From one run's beginning to the next one's."""

    def __post_init__(self) -> None:
        _check("throttle", self.key, self.seconds)

    def due(self, now: datetime, last_due: datetime | None) -> datetime:
        """Return when the next one runs; last_due: when the last one did, or will."""
        return now if last_due is None else max(now, last_due + timedelta(seconds=self.seconds))


StartWindow = Debounce | Throttle


@dataclass(frozen=True, kw_only=True)
class OpenWindow:
    """What is known of the starts with a key."""

    run_id: UUID | None
    """The newest run; None: there has been none."""
    first_at: datetime
    """When the first start was asked for that this run stands for."""
    due_at: datetime | None
    """When it is to be driven."""
    now: datetime


def due_of_waiting(window: StartWindow, known: OpenWindow) -> datetime:
    """Return when the run is due that waits already, now that somebody has asked again."""
    if isinstance(window, Debounce):
        return window.due(known.now, known.first_at)
    return known.due_at or known.now


def due_of_next(window: StartWindow, known: OpenWindow) -> datetime:
    """Return when a new run is due: none waits."""
    if isinstance(window, Debounce):
        return window.due(known.now, known.now)
    return window.due(known.now, known.due_at)


def _check(option: str, key: object, seconds: object) -> None:
    if not is_name(key):
        raise DefinitionError(
            f"{option}: the key is {key!r:.40}; give a text of 1 to 500 characters"
        )
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 < float(str(seconds)) <= LONGEST_SECONDS:
        raise DefinitionError(f"{option}: {seconds!r:.40} s; give seconds above 0, up to a century")
