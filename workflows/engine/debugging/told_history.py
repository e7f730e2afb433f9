"""Operations and lines of history in words, for who reads a run beside its code."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from reprlib import Repr
from typing import Any

from workflows.core import line_fields as fields
from workflows.core.decide import Operation
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.idempotency_key import KeyReading
from workflows.core.lines import CHILD_EVENT, attempt_began
from workflows.engine.debugging.watched_replay import Stop

MOST_CHARACTERS = 300
"""Of a value, where it is shown in a line among others."""


class _Short(Repr):
    def repr_KeyReading(self, value: KeyReading, level: int) -> str:
        """Name it (Repr asks by the name of the type): its text stands for the step's key, and is none itself."""
        return "run.idempotency_key"


_short = _Short()
_short.maxstring = _short.maxother = 120
_short.maxlevel, _short.maxdict, _short.maxlist, _short.maxtuple = 4, 12, 12, 12

_ = HistoryKind
_WORDS = {
    _.STEP_COMPLETED: "completed",
    _.STEP_STARTED: "its only attempt began",
    _.STEP_FAILED: "failed for good",
    _.ATTEMPT_FAILED: "attempt failed",
    _.WAIT_STARTED: "began to wait",
    _.EVENT_RECEIVED: "received",
    _.WAIT_TIMED_OUT: "waited in vain",
    _.EVENT_SENT: "sent",
    _.EVENT_REFUSED: "was refused",
    _.SLEEP_STARTED: "fell asleep",
    _.SLEEP_ENDED: "slept",
    _.STATUS_SET: "set",
    _.GROUP_STARTED: "began",
    _.CHILD_STARTED: "started",
    _.CLEANUP_SET: "set for the end of the run",
    _.PATCH_TAKEN: "taken",
    _.COMPENSATION_COMPLETED: "undone or cleaned up",
    _.COMPENSATION_ATTEMPT_FAILED: "attempt to undo or clean up failed",
}
"""What a line says of its operation; of other kinds, their names."""


def by_position(entries: Iterable[HistoryEntry]) -> Mapping[int, list[HistoryEntry]]:
    """Return the lines of each operation, oldest first: those that still count after a retry."""
    found: dict[int, list[HistoryEntry]] = defaultdict(list)
    for entry in entries:
        if entry.kind == HistoryKind.RETRIED:
            for position in fields.POSITIONS.of(entry):
                found.pop(position, None)
        elif entry.position is not None:
            found[entry.position].append(entry)
    return found


def told_stop(stop: Stop) -> str:
    """Return what the code asks for, with what it gives, and where."""
    given = ", ".join(f"{name}={_short.repr(value)}" for name, value in stop.given.items())
    asked = f"position {stop.position}: {told_operation(stop.operation)}"
    return f"{asked}{f' ({given})' if given else ''}  {told_place(stop)}"


def told_operation(operation: Operation) -> str:
    """Return an operation in words; the end of a child, without the event it arrives by."""
    if operation.name.startswith(CHILD_EVENT):
        return f"the end of child {operation.name.removeprefix(CHILD_EVENT)}"
    return str(operation)


def told_place(stop: Stop) -> str:
    """Return file, line and function of the code at a stop."""
    if stop.frame is None:
        return "[behind the end of the code]"
    code, here = stop.frame.f_code, Path.cwd()
    path = Path(code.co_filename)
    told = path.relative_to(here) if path.is_relative_to(here) else path
    return f"[{told}:{stop.frame.f_lineno} in {code.co_name}]"


def told_line(entry: HistoryEntry, since: datetime, *, whole: bool = False) -> str:
    """Return a line of history: what, when, how long after the run's creation, and its data."""
    words = _WORDS.get(entry.kind, entry.kind.value.replace("_", " "))
    name = f" {entry.name!r}" if entry.name else ""
    when = f"{told_time(entry.at)} (+{(entry.at - since).total_seconds():.3f} s)"
    return ", ".join([f"{words}{name} {when}", *_details(entry, whole=whole)])


def told_time(moment: datetime) -> str:
    """Return a time to the millisecond, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"


def _details(entry: HistoryEntry, *, whole: bool) -> Iterator[str]:
    data = fields.plain_data(entry)
    seconds = fields.SECONDS.find(entry)
    if seconds is not None and attempt_began(entry) is not None:
        yield f"took {seconds:.3f} s"
    if fields.ATTEMPT.name in data:
        most = fields.ATTEMPTS_ALLOWED.find(entry)
        yield f"attempt {fields.ATTEMPT.of(entry)}{f' of {most}' if most else ''}"
    for field in fields.FIELDS.get(entry.kind, ()):
        if field.name not in data or field.name in _TOLD_OTHERWISE:
            continue
        value = data[field.name]
        if value in (None, [], {}):
            continue
        if field.name == fields.ERROR.name:
            yield _told_error(value, whole=whole)
        elif isinstance(field, fields.Moment):
            yield f"{_MOMENTS[field.name]} {told_time(datetime.fromisoformat(value))}"
        else:
            yield f"{_NAMES.get(field.name, field.name)} {_json(value, whole=whole)}"


_TOLD_OTHERWISE = {
    *(fields.SECONDS.name, fields.ARGUMENTS.name, fields.OWN_KEYS.name, fields.PERMANENT.name),
    *(fields.NAMES.name, fields.ATTEMPT.name, fields.ATTEMPTS.name),
}
"""Told already, of no use to people (digests), or said by the operation."""
_NAMES = {fields.OUTPUT.name: "result"}
_MOMENTS = {fields.RETRY_AT.name: "the next not before", fields.UNTIL.name: "until"}


def _told_error(error: Mapping[str, Any], *, whole: bool) -> str:
    told = f"{error.get('type', '')}: {error.get('message', '')}"
    traceback = error.get("traceback")
    return f"{told}\n{traceback}" if whole and traceback else told


def _json(value: Any, *, whole: bool) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if whole or len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"


def told_lines(
    stop: Stop, lines: Mapping[int, list[HistoryEntry]], since: datetime
) -> Iterator[str]:
    """Yield what history says of the operation, those of a group's steps included."""
    if stop.operation.what in _LEAVE_NO_LINE and stop.position not in lines:
        yield "history: this leaves no line"
        return
    for entry in lines.get(stop.position, ()):
        yield f"history: {told_line(entry, since)}"
    for position, step in enumerate(stop.steps, start=stop.position + 1):
        for entry in lines.get(position, ()):
            yield f"  position {position}, step {step!r}: {told_line(entry, since)}"
    if not lines.get(stop.position):
        yield "history: nothing; this would be new"


_LEAVE_NO_LINE = {"now", "uuid", "random"}


def told_next(stop: Stop, history: History) -> str:
    """Return what the run does next, where history ends."""
    position, operation = stop.position, stop.operation
    match operation.what:
        case "step":
            return _next_of_step(f"step {operation.name!r}", position, history)
        case "wait" | "sleep":
            return _next_of_wait(told_operation(operation), position, history)
        case "group":
            places = enumerate(stop.steps, start=position + 1)
            left = [
                _next_of_step(f"step {step!r} (position {place})", place, history)
                for place, step in places
                if history.outcome(place) is None
            ]
            return f"group of {len(stop.steps)} steps, {len(left)} left: " + "; ".join(left)
        case "continue_as_new":
            return "the run goes on as a new one"
    return told_operation(operation)


def _next_of_step(step: str, position: int, history: History) -> str:
    if history.started(position) is not None and history.outcome(position) is None:
        attempts = history.failed_attempts(position)
        if not attempts:
            return f"{step}, whose only attempt has begun and has not been recorded"
    failed = history.failed_attempts(position)
    if not failed:
        return f"{step} runs for the first time"
    retry_at = history.retry_at(position)
    when = "" if retry_at is None else f", not before {told_time(retry_at)}"
    return f"attempt {failed + 1} of {step}{when}"


def _next_of_wait(wait: str, position: int, history: History) -> str:
    started = history.started(position)
    if started is None:
        return f"{wait} begins"
    until = fields.UNTIL.find(started)
    limit = "without a time limit" if until is None else f"until {told_time(until)}"
    return f"{wait}, since {told_time(started.at)}, {limit}"
