"""What is known of a run that does not move, and the words in which it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import TextChoices

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import RunView
from workflows.core.step_views import StepView

LONGEST_TOLD = 200
"""Characters of an error in a sentence."""


class Cause(TextChoices):
    """What keeps a run where it is."""

    OVER = "over"
    """It has ended."""
    DRIVEN = "driven"
    """A worker drives it."""
    SILENT = "silent"
    """The worker that holds it shows no life."""
    DUE = "due"
    """It is due; a free worker takes it."""
    NO_WORKER = "no_worker"
    """It is due, and no worker lives."""
    CODE_MISSING = "code_missing"
    """It is due, and no living worker has its code and serves its pool."""
    EVENT = "event"
    """It waits for an event."""
    CHILD = "child"
    """It waits for a child."""
    LIMIT = "limit"
    """It waits for a limit: of those at once, or a rate."""
    RETRY = "retry"
    """A step has failed, and its next attempt comes later."""
    TIME = "time"
    """It sleeps, or has not begun."""
    NEWER_CODE = "newer_code"
    """It waits for a worker with newer code."""
    KEY = "key"
    """It waits for a worker with the key of its encrypted values."""
    LOST = "lost"
    """Its worker was lost, or the database refused it, and it comes back later."""
    PAUSED = "paused"
    """Somebody has set it aside."""
    BLOCKED = "blocked"
    """It needs a person or a deploy."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a run is where it is."""

    cause: Cause
    sentence: str
    """Times in it are UTC."""
    until: datetime | None = None
    """When it goes on by itself; None: not by time alone."""
    advice: str = ""
    """What helps; "" where nothing needs to be done."""


class Driver(NamedTuple):
    """The worker that holds a run, as far as its row is there."""

    host: str
    pid: int
    lives: bool


class Child(NamedTuple):
    """A child run that has not ended."""

    id: str
    workflow: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a reason is told from. Lines and steps: of get_history and list_steps."""

    run: RunView
    now: datetime
    lines: Sequence[HistoryEntry]
    steps: Sequence[StepView]
    held: bool
    """A worker has its lease."""
    lease_until: datetime | None
    driver: Driver | None
    """Who holds it; None: nobody, or its row is gone."""
    living: int
    """Workers, over all hosts."""
    pool: str | None
    """Whose clusters drive it next; None: the default one's, or nobody here knows."""
    children: Sequence[Child]
    """Those of the children that it waits for which have not ended."""
    unread: Sequence[str]
    """Names of events sent and not consumed."""


def last_line(facts: Facts, kind: HistoryKind) -> HistoryEntry | None:
    return next((line for line in reversed(facts.lines) if line.kind == kind), None)


def at(moment: datetime) -> str:
    return f"at {moment:%Y-%m-%d %H:%M:%S} UTC"


def at_line(line: HistoryEntry | None) -> str:
    return "" if line is None else f" {at(line.at)}"


def then(moment: datetime | None) -> str:
    return "" if moment is None else f" {at(moment)}"


def by_then(moment: datetime | None) -> str:
    return "" if moment is None else f" by {moment:%Y-%m-%d %H:%M:%S} UTC"


def or_until(facts: Facts) -> str:
    wake_at = facts.run.wake_at
    return (
        ", without a limit in time"
        if wake_at is None
        else f", until {wake_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def error_words(error: dict[str, Any] | None) -> str:
    told = error or {}
    return brief(f"{told.get('type', 'unknown')}: {told.get('message', '')}".rstrip(": "))


def brief(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= LONGEST_TOLD else f"{line[: LONGEST_TOLD - 1]}…"


def span(length: timedelta) -> str:
    """Return a length of time as people say it: 3 s, 5 min, 2 h, 4 d."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
