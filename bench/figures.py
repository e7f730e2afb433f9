"""Figures: a value, its unit, and the aim beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a figure should reach. It is reported, never enforced."""

    limit: float
    at_most: bool = True

    def is_met(self, value: float) -> bool:
        """Say whether the value reaches the aim."""
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value."""

    name: str
    """Stable from run to run: figures of different runs are compared by it."""
    title: str
    value: float
    unit: str
    aim: Aim | None = None
    note: str = ""
    """How it came about: sample size, spread."""


@dataclass(frozen=True)
class Round:
    """One round of work, by either side."""

    runs_per_second: float
    client_ms: float
    """CPU of the processes that work, per run. Unlike the rate, hardly moved by other work."""
    server_ms: float
    """CPU of the server's processes that serve them, per run; 0 where it is on another machine."""

    @property
    def cpu_ms(self) -> float:
        """CPU per run."""
        return self.client_ms + self.server_ms


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one durable operation asks of the server."""

    name: str = ""
    round_trips: float
    commits: float

    def called(self, name: str) -> "Operation":
        """Return it with its name."""
        return replace(self, name=name)

    def __sub__(self, other: "Operation") -> "Operation":
        round_trips = self.round_trips - other.round_trips
        return Operation(round_trips=round_trips, commits=self.commits - other.commits)

    def __truediv__(self, times: float) -> "Operation":
        return Operation(round_trips=self.round_trips / times, commits=self.commits / times)


@dataclass
class Findings:
    """All that was measured."""

    figures: list[Figure] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return the smallest value that at least this fraction of the values does not exceed."""
    rank = max(1, ceil(fraction * len(values)))
    return sorted(values)[rank - 1]


def short(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def spread(values: Sequence[float]) -> str:
    """Return the rounds behind a median."""
    return f"{len(values)} rounds, {short(min(values))} to {short(max(values))}"
