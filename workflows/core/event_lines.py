"""The lines of events: who sent one that was received, and how one fared that a run has sent."""

from uuid import UUID

from workflows.core import line_fields as fields
from workflows.core.digests import Digests
from workflows.core.errors import (
    InvalidInput,
    KeyConflict,
    RequestError,
    RunIsOver,
    RunNotFound,
)
from workflows.core.failure import Failure, type_name
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import Fact
from workflows.core.sender import Sender

REFUSALS: tuple[type[RequestError], ...] = (InvalidInput, KeyConflict, RunIsOver, RunNotFound)
"""What sending an event may raise, in workflow code as outside."""
_BY_NAME = {type_name(each): each for each in REFUSALS}


def sender_written(sender: Sender) -> list[str]:
    """Return the fields by which a line tells who sent its event: none of what nobody said."""
    found = []
    if sender.by:
        found.append(fields.BY.written(sender.by))
    if sender.tenant:
        found.append(fields.TENANT.written(sender.tenant))
    if sender.run is not None:
        found.append(fields.RUN.written(str(sender.run)))
    return found


def sender_of(entry: HistoryEntry) -> Sender:
    """Read who sent the event that this line has received."""
    run = fields.RUN.find(entry)
    return Sender(
        by=fields.BY.find(entry) or "",
        tenant=fields.TENANT.find(entry) or "",
        run=None if run is None else UUID(run),
    )


def event_sent(position: int, event: str, to: UUID, given: Digests) -> Fact:
    """The run has sent an event, to the run that took it. given: digests of what the code gave."""
    told = fields.RUN.written(str(to)), fields.ARGUMENTS.written(dict(given))
    return _fact(HistoryKind.EVENT_SENT, position, event, *told)


def event_refused(position: int, event: str, error: Failure, given: Digests) -> Fact:
    """The event that the run would send was refused."""
    told = fields.ERROR.written(error), fields.ARGUMENTS.written(dict(given))
    return _fact(HistoryKind.EVENT_REFUSED, position, event, *told)


def refusal(entry: HistoryEntry) -> RequestError | None:
    """Read the error that the code gets of a send; None: it was taken."""
    if entry.kind != HistoryKind.EVENT_REFUSED:
        return None
    error = fields.ERROR.of(entry)
    return _BY_NAME.get(error["type"], RequestError)(error["message"])


def _fact(kind: HistoryKind, position: int, event: str, *told: str) -> Fact:
    return Fact(kind=kind, position=position, name=event, data=f"{{{', '.join(told)}}}")
