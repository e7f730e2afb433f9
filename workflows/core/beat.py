"""The last heartbeat of a run, as its row shows it."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from workflows.core.codec import loads
from workflows.core.line_fields import sql_object


@dataclass(frozen=True, slots=True)
class Beat:
    """What a long step said last of itself."""

    position: int
    """Of the step."""
    details: Any
    at: datetime


def read_beat(text: str | None) -> Beat | None:
    """Read what sql_beat has made; None: no step of the run has sent one."""
    if not text:
        return None
    told = loads(text)
    return Beat(told["position"], told["details"], datetime.fromisoformat(told["at"]))


def sql_beat(**expressions: str) -> str:
    """Return the SQL that makes a heartbeat. expressions: the SQL of each field, by its name."""
    return sql_object("heartbeat", {field.name for field in fields(Beat)}, expressions)
