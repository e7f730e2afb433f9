"""What the overview tells: does work flow, and what stands in its way. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from workflows.core.charts import Throughput


class Count(NamedTuple):
    """So many."""

    number: int
    is_at_least: bool = False
    """There may be more: counting stopped here."""

    def __str__(self) -> str:
        return f"at least {self.number:,}" if self.is_at_least else f"{self.number:,}"


class Trouble(NamedTuple):
    """Runs of one workflow with the same error."""

    workflow: str
    error_type: str
    message: str
    """Its beginning."""
    kind: str
    """See ErrorKind; empty where the error does not say."""
    runs: int
    last_at: datetime
    """When the newest of them ended; of blocked ones, when it was created."""


class WorkerView(NamedTuple):
    """A living worker process."""

    id: int
    host: str
    pid: int
    since: datetime
    slots: int
    driving: int
    """How many runs it holds."""
    pools: tuple[str, ...]
    code: str
    """Eight characters that tell the workflows and versions of one worker from those of another; empty where an
    older release does not say."""


class ScheduleView(NamedTuple):
    """A schedule that is not paused."""

    name: str
    workflow: str
    next_at: datetime | None
    missed: int
    """Ticks that could not be started in time, ever."""
    late_seconds: float
    """For how long it has been due; 0 where it is not."""


class Missing(NamedTuple):
    """Due runs for which no living worker has code, or serves the pool."""

    workflow: str
    version: int
    pool: str
    """Of their next step; empty: their own."""
    runs: int
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of the engine at one moment. A Count says where it stopped counting; all else is exact."""

    at: datetime
    due: Count
    """Runs that wait for a worker now."""
    oldest_due_seconds: float
    """For how long the first of them has been due; 0 without any."""
    late: Count
    """Those of them that have been due for more than LATE_SECONDS."""
    running: int
    """Runs that a worker holds now."""
    paused: Count
    blocked: Count
    waiting: Mapping[str, Count]
    """Runs that are not due, by what they wait for: event, child, limit, time, retry (the next try of a step,
    or newer code)."""
    failed: tuple[Trouble, ...]
    """Of the last hour, children apart: the most frequent first. Of each workflow the newest 500 are looked at."""
    blocked_by: tuple[Trouble, ...]
    """All that are blocked now, of the newest 500."""
    throughput: tuple[Throughput, ...]
    """Ends of runs of the last five minutes that are counted, by outcome."""
    figures_behind_seconds: float | None
    """How far behind the figures are; None: nothing was counted yet."""
    workers: tuple[WorkerView, ...]
    """By host, then by age."""
    schedules: tuple[ScheduleView, ...]
    """The ten that are due next."""
    missed: int
    """Ticks that all schedules have missed, ever."""
    missing_code: tuple[Missing, ...]

    @property
    def flows(self) -> bool:
        """Whether work flows: a worker lives, nothing is late, and nobody waits for code."""
        return bool(self.workers) and not self.late.number and not self.missing_code
