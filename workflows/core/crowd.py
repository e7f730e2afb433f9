"""Where many runs of a workflow stand, and how their steps go."""

from dataclasses import dataclass

from workflows.core.history import HistoryKind


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Open runs that stand at the same place."""

    kind: HistoryKind
    """Of the last line about an operation."""
    names: tuple[str, ...]
    """Of the step or child; of a wait, what is waited for."""
    runs: int


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """How a step went in these runs."""

    name: str
    completed: int
    failed: int
    """For good."""
    seconds: float
    """Of the attempts that completed it, the median."""
