"""A schedule, and what is to be done of it at a moment. Pure: the rows and the clock are elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

from workflows.core.errors import InvalidInput
from workflows.core.time_checks import LONGEST_SECONDS
from workflows.core.timing import MICROSECOND, Timing, starts_at

MOST_AT_ONCE = 100
"""Ticks that are dealt with in one transaction."""
MOST_WAITING = 1_000
"""Ticks that wait for the run before them; more are skipped."""
MOST_COUNTED = 1_000
"""Missed ticks that are counted one by one; behind so many, the rest is passed over."""
SHORTEST_CATCH_UP_SECONDS = 10.0
LOOK_AGAIN = timedelta(seconds=1)
"""How often it is asked whether the run has ended for which a tick waits."""


class Overlap(TextChoices):
    """What becomes of a tick whose schedule has a run that has not ended."""

    SKIP = "skip"
    """Nothing."""
    QUEUE_ONE = "queue one"
    """It waits, unless one waits already; that one comes first."""
    QUEUE_ALL = "queue all"
    """It waits, and those behind it do."""
    CANCEL_PREVIOUS = "cancel previous"
    """The run is cancelled; once it has ended, the newest tick that waits is started."""
    ALLOW = "allow"
    """It is started all the same."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a schedule is told, by code or by an operator. Raises InvalidInput for what cannot be."""

    workflow: str
    """The name; its newest version is started."""
    timing: Timing
    input: Mapping[str, Any] = field(default_factory=dict)
    """JSON values."""
    overlap: Overlap = Overlap.SKIP
    catch_up_seconds: float = 3600.0
    """A tick that could not be started for so long is missed."""
    jitter_seconds: float = 0.0
    """Each run starts by chance up to so much later than its tick."""
    pause_on_failure: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "overlap", overlap_of(self.overlap))
        _check_seconds("catch_up_seconds", self.catch_up_seconds, SHORTEST_CATCH_UP_SECONDS)
        _check_seconds("jitter_seconds", self.jitter_seconds, 0.0)

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        at = self.timing.at
        timing = {**vars(self.timing), "at": None if at is None else at.astimezone(UTC).isoformat()}
        return {
            **vars(self),
            "timing": timing,
            "input": dict(self.input),
            "overlap": str(self.overlap),
        }

    @staticmethod
    def of_plain(plain: Mapping[str, Any]) -> "Rules":
        """Return the rules of JSON values. Raises InvalidInput."""
        at = plain["timing"]["at"]
        moment = None if at is None else datetime.fromisoformat(at)
        return Rules(**{**plain, "timing": Timing(**{**plain["timing"], "at": moment})})


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule as anybody sees it. Times are aware."""

    name: str
    rules: Rules
    in_code: bool
    """Declared by @schedule."""
    removed: bool
    """It was, and no longer is; so it rests."""
    paused_at: datetime | None
    paused_by: str
    pause_note: str
    done_until: datetime
    """Every tick up to here has been started, skipped or missed."""
    next_tick: datetime | None
    """The next by its timing; None: there is none."""
    next_at: datetime | None
    """When something is to be done again: the start of the next tick's run, or a look whether the run
    that others wait for has ended."""
    last_tick: datetime | None
    """The last for which a run was started."""
    last_run_id: UUID | None
    open_runs: tuple[UUID, ...]
    """Started, and not seen to have ended. They are looked at whenever something is to be done."""
    waiting: tuple[datetime, ...]
    """Ticks that wait for the run before them."""
    started: int
    skipped: int
    missed: int
    """How many ticks, since there is the schedule."""
    problem: str
    """Why the last try to start failed; "" where it did not."""

    @property
    def rests(self) -> bool:
        """Whether it starts nothing by itself: paused, or no longer in the code."""
        return self.paused_at is not None or self.removed

    def starts_at(self, tick: datetime) -> datetime:
        """Return when the run of a tick starts."""
        seconds = self.rules.jitter_seconds
        following = self.rules.timing.next_after(tick) if seconds else None
        return starts_at(self.name, tick, following, seconds)


def overlap_of(word: str) -> Overlap:
    """Return the overlap of a word. Raises InvalidInput."""
    if word not in Overlap.values:
        known = ", ".join(repr(each) for each in Overlap.values)
        raise InvalidInput(f"overlap is {word!r:.80}; it is one of {known}")
    return Overlap(word)


def key_of(name: str, tick: datetime) -> str:
    """Return the key of the run of a tick: the same for whoever starts it, so that one does."""
    moment = tick.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"schedule:{name}:{moment}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done now."""

    start: tuple[datetime, ...]
    """Ticks whose runs are started."""
    waiting: tuple[datetime, ...]
    """Ticks that wait from now on."""
    cancels: bool
    """Whether the open runs are to be cancelled."""
    skipped: int
    missed: int
    done_until: datetime
    next_tick: datetime | None
    next_at: datetime | None


def plan(schedule: Schedule, now: datetime, *, is_busy: bool) -> Plan:
    """Say what is to be done of a schedule. is_busy: a run of it has not ended."""
    due, missed, done_until = _due(schedule, now)
    start, waiting = _overlapping(schedule, due, is_busy)
    next_tick = schedule.rules.timing.next_after(done_until)
    next_at = None if next_tick is None else schedule.starts_at(next_tick)
    if waiting:
        soon = now + LOOK_AGAIN
        next_at = soon if next_at is None else min(next_at, soon)
    before = len(schedule.waiting) + len(due)
    return Plan(
        start=start,
        waiting=waiting,
        cancels=bool(waiting) and schedule.rules.overlap == Overlap.CANCEL_PREVIOUS,
        skipped=before - len(start) - len(waiting),
        missed=missed,
        done_until=done_until,
        next_tick=next_tick,
        next_at=next_at,
    )


def begun_at(schedule: Schedule, moment: datetime) -> Schedule:
    """Return the schedule as it goes on from a moment: earlier ticks are no concern of it.

    A single tick that lies before it comes all the same, as far as it can be caught up with.
    """
    timing = schedule.rules.timing
    if timing.at is not None and schedule.last_tick != timing.at:
        moment = min(moment, timing.at.astimezone(UTC) - MICROSECOND)
    tick = timing.next_after(moment)
    at = None if tick is None else schedule.starts_at(tick)
    if schedule.waiting:
        at = moment
    return replace(schedule, done_until=moment, next_tick=tick, next_at=at)


def _due(schedule: Schedule, now: datetime) -> tuple[list[datetime], int, datetime]:
    """Return the ticks that are due and not too late, how many were too late, and up to where."""
    missed, until = _missed(schedule, now - timedelta(seconds=schedule.rules.catch_up_seconds))
    due: list[datetime] = []
    for tick in schedule.rules.timing.ticks_after(until):
        if schedule.starts_at(tick) > now or len(due) == MOST_AT_ONCE:
            break
        due.append(tick)
    return due, missed, due[-1] if due else until


def _missed(schedule: Schedule, oldest: datetime) -> tuple[int, datetime]:
    """Return how many ticks should have begun before the oldest moment, and up to where they go."""
    missed, until = 0, schedule.done_until
    for tick in schedule.rules.timing.ticks_after(until):
        if schedule.starts_at(tick) >= oldest:
            break
        if missed == MOST_COUNTED:
            longest = timedelta(seconds=schedule.rules.jitter_seconds)
            return missed, max(until, oldest - longest - MICROSECOND)
        missed, until = missed + 1, tick
    return missed, until


def _overlapping(
    schedule: Schedule, due: list[datetime], is_busy: bool
) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """Return which ticks start and which wait; the others are skipped."""
    overlap = schedule.rules.overlap
    if overlap == Overlap.ALLOW:
        return (*schedule.waiting, *due), ()
    if overlap == Overlap.CANCEL_PREVIOUS:
        newest = (*schedule.waiting, *due)[-1:]
        return ((), newest) if is_busy else (newest, ())
    waiting = [*schedule.waiting, *due]
    start = () if is_busy else tuple(waiting[:1])
    # A backfill may have let more of them wait than the overlap would.
    longest = {Overlap.SKIP: 0, Overlap.QUEUE_ONE: 1, Overlap.QUEUE_ALL: MOST_WAITING}[overlap]
    behind = [tick for tick in schedule.waiting if tick not in start]
    room = max(0, longest - len(behind))
    return start, (*behind, *[tick for tick in due if tick not in start][:room])


def _check_seconds(option: str, seconds: Any, least: float) -> None:
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not least <= seconds <= LONGEST_SECONDS
    ):
        raise InvalidInput(
            f"{option} is {seconds!r:.40}; give a number of seconds from {least:g} to a century"
        )
