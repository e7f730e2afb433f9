"""The lines of updates, and the event by which one arrives."""

from workflows.core import line_fields as fields
from workflows.core.history import HistoryKind
from workflows.core.run import Fact

UPDATE_EVENT = "on_update:"
"""How the event begins by which an update arrives; its name follows."""


def update_received(position: int, update: str, payload: str, event: int) -> Fact:
    """The handler takes an update, the event of this id. payload is JSON text."""
    data = f"{{{fields.PAYLOAD.written_as(payload)}, {fields.EVENT.written(event)}}}"
    kind = HistoryKind.UPDATE_RECEIVED
    return Fact(kind=kind, position=position, part=1, name=update, data=data)


def update_answered(
    position: int, update: str, *, output: str = "null", error: str | None = None
) -> Fact:
    """The handler has returned, or raised. Both are JSON texts; the caller is told the line's data."""
    told = fields.OUTPUT.written_as(output) if error is None else fields.ERROR.written_as(error)
    kind = HistoryKind.UPDATE_ANSWERED
    return Fact(kind=kind, position=position, name=update, data=f"{{{told}}}")
