"""Steps under way, as the host of their worker sees them: no drive writes these.

On a run's row stands what was seen last; on the lines `recovered` and `blocked`, which steps the lost
worker was in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import dumps


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    """An attempt of a step under way, at the moment it was looked at."""

    name: str
    position: int
    attempt: int
    undo: bool
    """It is a compensation: of the step at this position."""
    age_seconds: float
    overran: str | None
    """TIMEOUT or HEARTBEAT: it is beyond this limit; None: beyond none."""
    host: str
    pid: int


TIMEOUT, HEARTBEAT = "timeout", "heartbeat"


class HeldRun(NamedTuple):
    """A run that a worker of this host holds, and the steps that it is in."""

    run_id: UUID
    attempt: int
    steps: tuple[StepSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStep:
    """An attempt of a step that is or was under way. since is aware, by the database's clock."""

    name: str
    position: int
    attempt: int
    undo: bool
    since: datetime
    host: str
    pid: int
    overran: str | None


def as_json(steps: Iterable[StepSeen]) -> str:
    """Return the JSON text of steps, as store/steps_seen.py reads it."""
    return dumps(
        [
            {
                "name": step.name,
                "position": step.position,
                "attempt": step.attempt,
                "undo": step.undo,
                "age": step.age_seconds,
                "overran": step.overran,
                "host": step.host,
                "pid": step.pid,
            }
            for step in steps
        ]
    )


def read_steps(told: Iterable[Mapping[str, Any]] | None) -> list[RunningStep]:
    """Return the steps that a line holds, as store/steps_seen.py makes them."""
    return [
        RunningStep(
            name=each["name"],
            position=each["position"],
            attempt=each["attempt"],
            undo=each["undo"],
            since=datetime.fromisoformat(each["since"]),
            host=each["host"],
            pid=each["pid"],
            overran=each["overran"],
        )
        for each in told or ()
    ]


def read_shown(shown: Mapping[str, Any] | None, attempt: int) -> list[RunningStep]:
    """Return the steps that a run's row shows, if they are of this attempt of the run."""
    if shown is None or shown["attempt"] != attempt:
        return []
    return read_steps(shown["steps"])
