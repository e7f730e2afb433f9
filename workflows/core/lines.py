"""Lines of history: a builder for each kind that Python writes, and what is read of several fields.

Single fields are read by themselves: `OUTPUT.of(entry)`. What SQL makes is rendered by `sql_data`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.core import line_fields as fields
from workflows.core.codec import dumps
from workflows.core.errors import StepFailed
from workflows.core.event_lines import sender_written
from workflows.core.failure import Failure
from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.notes import CarriedNotes
from workflows.core.run import Fact
from workflows.core.sender import NOBODY_SAID, Sender
from workflows.core.states import RunState

CHILD_EVENT = "child:"
"""How the event begins by which a child's end arrives; its id follows. The trigger knows it too."""


KEY_AWAITED = "key "
"""How the name of a line begins by which a run waits for a key; its id follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """Why a step has failed for good."""

    error: Failure
    attempts: int
    """How many there were."""
    permanent: bool

    def raised(self, step: str) -> StepFailed:
        """Return the error that workflow code gets, live and at every replay alike."""
        kind, message = self.error["type"], self.error["message"]
        told = self.error.get("kind", "")
        return StepFailed(step, kind, message, self.attempts, self.permanent, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a step was given, as each of its lines notes it."""

    arguments: Mapping[str, str] | None = None
    """Digests of its arguments; None: they are not compared."""
    own_keys: bool = False
    """Its key took the place of a reading of run.idempotency_key."""

    def written(self) -> list[str]:
        """Return the fields of a line."""
        found = []
        if self.arguments is not None:
            found.append(fields.ARGUMENTS.written(dict(self.arguments)))
        if self.own_keys:
            found.append(fields.OWN_KEYS.written(True))
        return found


NOTHING_NOTED = Received()


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child run has ended, as the trigger tells its parent."""

    state: RunState
    output: Any
    error: Mapping[str, Any] | None


def step_started(position: int, step: str, received: Received = NOTHING_NOTED) -> Fact:
    """The one attempt of a step that runs at most once begins."""
    kind, data = HistoryKind.STEP_STARTED, _data(*received.written())
    return Fact(kind=kind, position=position, part=1, name=step, data=data)


def step_completed(
    position: int,
    step: str,
    output: str,
    received: Received = NOTHING_NOTED,
    *,
    seconds: float,
    undo: bool = False,
) -> Fact:
    """A step, or its compensation, has returned. output is JSON text; seconds: since the attempt
    began, here as in the lines below."""
    return Fact(
        kind=HistoryKind.COMPENSATION_COMPLETED if undo else HistoryKind.STEP_COMPLETED,
        position=position,
        part=UNDO if undo else 0,
        name=step,
        data=_data(
            fields.OUTPUT.written_as(output), fields.SECONDS.written(seconds), *received.written()
        ),
    )


def step_failed(
    position: int,
    step: str,
    failure: StepFailure,
    received: Received = NOTHING_NOTED,
    *,
    seconds: float,
) -> Fact:
    """A step has failed for good."""
    return Fact(
        kind=HistoryKind.STEP_FAILED,
        position=position,
        name=step,
        data=_data(
            fields.ERROR.written(failure.error),
            fields.ATTEMPTS.written(failure.attempts),
            fields.PERMANENT.written(failure.permanent),
            fields.SECONDS.written(seconds),
            *received.written(),
        ),
    )


def attempt_failed(
    position: int,
    part: int,
    step: str,
    *,
    attempt: int,
    attempts: int | None,
    error: Failure,
    seconds: float,
    permanent: bool = False,
    heartbeat: str | None = None,
    received: Received = NOTHING_NOTED,
) -> Fact:
    """An attempt of a step has failed, or of its compensation (part is UNDO and more). When the next
    may begin is added as the line is written; a compensation that is given up has no such time.

    attempts: how many there may be, None: until it works. heartbeat: JSON text of the details sent last.
    """
    undo = part >= UNDO
    told = [
        fields.ATTEMPT.written(attempt),
        fields.ATTEMPTS_ALLOWED.written(attempts),
        fields.ERROR.written(error),
        fields.PERMANENT.written(permanent),
        fields.SECONDS.written(seconds),
        *received.written(),
    ]
    if heartbeat is not None:
        told.append(fields.HEARTBEAT.written_as(heartbeat))
    return Fact(
        kind=HistoryKind.COMPENSATION_ATTEMPT_FAILED if undo else HistoryKind.ATTEMPT_FAILED,
        position=position,
        part=part,
        name=step,
        data=_data(*told),
    )


def step_failure(entry: HistoryEntry) -> StepFailure:
    """Read why a step has failed, or why the compensation of one was given up."""
    given_up = entry.kind == HistoryKind.COMPENSATION_ATTEMPT_FAILED
    return StepFailure(
        error=fields.ERROR.of(entry),
        attempts=(fields.ATTEMPT if given_up else fields.ATTEMPTS).of(entry),
        permanent=fields.PERMANENT.of(entry),
    )


def group_started(position: int, steps: Iterable[str]) -> Fact:
    """A gather or graph begins; its steps take the positions that follow."""
    data = _data(fields.NAMES.written(list(steps)), fields.OWN_KEYS.written(True))
    return Fact(kind=HistoryKind.GROUP_STARTED, position=position, data=data)


def cleanup_set(position: int, step: str, received: Received = NOTHING_NOTED) -> Fact:
    """A step is to run when the run ends."""
    kind, data = HistoryKind.CLEANUP_SET, _data(*received.written())
    return Fact(kind=kind, position=position, name=step, data=data)


def patch_taken(position: int, patch: str) -> Fact:
    """The run takes the code after a change."""
    return Fact(kind=HistoryKind.PATCH_TAKEN, position=position, name=patch)


def status_set(position: int, label: str) -> Fact:
    """The label for people has changed."""
    return Fact(kind=HistoryKind.STATUS_SET, position=position, name=label)


def wait_started(position: int, names: Iterable[str]) -> Fact:
    """The run waits for one of these events. Until when is added as it parks."""
    data = _data(fields.NAMES.written(sorted(names)))
    return Fact(kind=HistoryKind.WAIT_STARTED, position=position, part=1, data=data)


def event_received(
    position: int, names: Iterable[str], event: str, payload: str, sender: Sender = NOBODY_SAID
) -> Fact:
    """One of the events waited for has come. payload is JSON text."""
    waited, given = fields.NAMES.written(sorted(names)), fields.PAYLOAD.written_as(payload)
    data = _data(waited, given, *sender_written(sender))
    return Fact(kind=HistoryKind.EVENT_RECEIVED, position=position, name=event, data=data)


def wait_timed_out(position: int, names: Iterable[str]) -> Fact:
    """None of the events has come in time."""
    data = _data(fields.NAMES.written(sorted(names)))
    return Fact(kind=HistoryKind.WAIT_TIMED_OUT, position=position, data=data)


def sleep_started(position: int) -> Fact:
    """The run sleeps. Until when is added as it parks."""
    return Fact(kind=HistoryKind.SLEEP_STARTED, position=position, part=1)


def sleep_ended(position: int) -> Fact:
    """The time of a sleep has come."""
    return Fact(kind=HistoryKind.SLEEP_ENDED, position=position)


def child_started(position: int, workflow: str, child: UUID, *, detached: bool) -> Fact:
    """A child run was started."""
    data = _data(fields.RUN.written(str(child)), fields.DETACHED.written(detached))
    return Fact(kind=HistoryKind.CHILD_STARTED, position=position, name=workflow, data=data)


def started_child(entry: HistoryEntry) -> UUID | None:
    """Read the id of the child whose start this line tells."""
    told = fields.RUN.find(entry)
    return None if told is None else UUID(told)


def ended_child(entry: HistoryEntry) -> UUID | None:
    """Read which child's end a received event tells; None: it tells of no child."""
    if not entry.name.startswith(CHILD_EVENT):
        return None
    return UUID(entry.name.removeprefix(CHILD_EVENT))


def child_end(entry: HistoryEntry) -> ChildEnd:
    """Read how the child has ended whose end a received event tells."""
    told = fields.PAYLOAD.of(entry)
    return ChildEnd(RunState(told["state"]), told["output"], told["error"])


def carried_notes(entry: HistoryEntry) -> CarriedNotes | None:
    """Read what the run began with, of the line that says so; None: it is another."""
    data, attributes = fields.CARRIED_DATA.find(entry), fields.CARRIED_ATTRIBUTES.find(entry)
    if data is None or attributes is None:
        return None
    return CarriedNotes(dumps(data), dumps(attributes))


def forget_traceback(name: str, data: dict[str, Any]) -> None:
    """Take the traceback out of a line, given by its name and its plain data."""
    told = data[fields.PAYLOAD.name] if name.startswith(CHILD_EVENT) else data
    (told.get(fields.ERROR.name) or {}).pop("traceback", None)


def code_awaited(unknown: str, problem: str) -> Fact:
    """The run waits for newer code: what of it the code at hand does not know, and what that led to.
    Until when is added as the run is set down."""
    data = _data(fields.PROBLEM.written(problem))
    return Fact(kind=HistoryKind.CODE_AWAITED, position=None, name=unknown, data=data)


_ENDED = {
    RunState.COMPLETED: HistoryKind.RUN_COMPLETED,
    RunState.FAILED: HistoryKind.RUN_FAILED,
    RunState.CANCELLED: HistoryKind.RUN_CANCELLED,
    RunState.COMPENSATED: HistoryKind.RUN_COMPENSATED,
}


def run_ended(state: RunState, error: str | None = None) -> Fact:
    """The run has ended in this state. error: the JSON text of a Failure."""
    data = _data() if error is None else _data(fields.ERROR.written_as(error))
    return Fact(kind=_ENDED[state], position=None, data=data)


def attempt_began(entry: HistoryEntry) -> datetime | None:
    """Read when the attempt began that this line ends, or begins; None: its line does not say."""
    if entry.kind == HistoryKind.STEP_STARTED:
        return entry.at
    seconds = fields.SECONDS.find(entry)
    return None if seconds is None else entry.at - timedelta(seconds=seconds)


def _data(*written: str) -> str:
    return f"{{{', '.join(written)}}}"
