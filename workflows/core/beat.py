"""The last heartbeat of a run, as its row shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from workflows.core.codec import loads
from workflows.core.growth import Numbers
from workflows.core.line_fields import sql_object


@dataclass(frozen=True, slots=True)
class Beat:
    """What a long step said last of itself."""

    position: int
    """Of the step."""
    details: Any
    at: datetime
    reached: Mapping[int, Numbers] = field(default_factory=dict)
    """How far each step's numbers have come, by its position (core/growth.py)."""
    grew: int | None = None
    """In which attempt of the run one of them last grew; None: never."""


def read_beat(text: str | None) -> Beat | None:
    """Read what sql_beat has made; None: no step of the run has sent one."""
    if not text:
        return None
    told = loads(text)
    reached = {int(position): found for position, found in told.get("reached", {}).items()}
    at = datetime.fromisoformat(told["at"])
    return Beat(told["position"], told["details"], at, reached, told.get("grew"))


SQL_GREW = "(heartbeat ->> 'grew')::integer"
"""Of a row of workflows_run: in which attempt of the run its heartbeats last grew; NULL: never."""


def sql_beat(**expressions: str) -> str:
    """Return the SQL that makes a heartbeat. expressions: the SQL of each field, by its name."""
    return sql_object("heartbeat", {each.name for each in fields(Beat)}, expressions)
