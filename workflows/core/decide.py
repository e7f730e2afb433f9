"""Replay's question: has this operation been done, is it under way, or is it new?"""

from dataclasses import dataclass
from typing import Any

from workflows.core.errors import DefinitionError, ReplayMismatch
from workflows.core.history import OPERATION, HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.line_fields import NAMES


@dataclass(frozen=True)
class Operation:
    """A durable operation as the code asks for it: what and by which name."""

    what: str
    """step, wait, sleep, status, or one that leaves no line (now, uuid, random)."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.name!r}" if self.name else self.what


def recorded_operation(entry: HistoryEntry) -> Operation:
    """Say which operation a line of history belongs to."""
    what = OPERATION[entry.kind]
    if what == "wait":
        names = NAMES.find(entry)
        return Operation(what, entry.name if names is None else ", ".join(names))
    if what == "group":
        return Operation(what, ", ".join(NAMES.of(entry)))
    return Operation(what, entry.name)


def find_outcome(history: History, position: int, asked: Operation) -> HistoryEntry | None:
    """Return the recorded outcome at this position, None when the operation must go on.

    Raises ReplayMismatch when history tells another story than the code.
    """
    entry = history.begun(position)
    if entry is not None:
        if not _same(asked, entry):
            raise ReplayMismatch(position, str(asked), str(recorded_operation(entry)))
        return history.outcome(position)
    if position not in history.again:
        _refuse_a_gap(history, position, str(asked))
    return None


def pass_unrecorded(history: History, position: int, asked: Operation) -> None:
    """Let an operation through that leaves no line. Raises ReplayMismatch when there is one."""
    entry = history.begun(position)
    if entry is not None:
        raise ReplayMismatch(position, str(asked), str(recorded_operation(entry)))


def check_end(history: History, position: int) -> None:
    """Raise ReplayMismatch when the code ends after this position but history goes on."""
    _refuse_a_gap(history, position + 1, "the end")


def unknown_patch(history: History, mismatch: ReplayMismatch) -> str | None:
    """Return the patch that the run took where the code asks for something else.

    The code is then older than the run, or the patch was removed too early. None: neither.
    """
    entry = history.begun(mismatch.position)
    if entry is None or entry.kind != HistoryKind.PATCH_TAKEN:
        return None
    return entry.name


def _same(asked: Operation, entry: HistoryEntry) -> bool:
    recorded = recorded_operation(entry)
    if asked.what != recorded.what:
        return False
    # A label is for people: rewording it must not park the runs that have set it.
    return asked.what == "status" or asked.name == recorded.name


def _refuse_a_gap(history: History, position: int, asked: str) -> None:
    if history.last_position >= position:
        later = history.begun(history.last_position)
        assert later is not None  # noqa: S101 - last_position always has a line
        raise ReplayMismatch(
            position, asked, f"{recorded_operation(later)} (position {history.last_position})"
        )


def event_names(names: Any) -> tuple[str, ...]:
    """Return the event names a wait asked for, a name or a list of them, as a tuple. A set is none: its
    order is another one in each process, and a replay must see the same. Raises DefinitionError."""
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, list | tuple):
        raise DefinitionError(f"the event to wait for is {names!r:.80}; give a name, or a list")
    return tuple(names)
