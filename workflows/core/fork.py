"""Where a run can be forked, and what a fork begins with."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from workflows.core.decide import recorded_operation
from workflows.core.errors import RequestError
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.line_fields import DETACHED
from workflows.core.lines import carried_notes, ended_child, started_child
from workflows.core.notes import CarriedNotes
from workflows.core.what_failed import group_of


class ForkRefused(RequestError):
    """A run cannot be forked at this position; the message says why, and what helps."""

    code = "fork_refused"


class Prefix(NamedTuple):
    """What a fork takes over of another run's history."""

    lines: list[HistoryEntry]
    """In their order."""
    status: str
    """The label that people saw there."""
    notes: CarriedNotes
    """What the other run began with, where it continued a third."""


def forked_prefix(entries: Sequence[HistoryEntry], at: int, *, is_undoing: bool) -> Prefix:
    """Return what a fork begins with whose first position of its own is `at`.

    is_undoing: the run undoes its steps now. Raises ForkRefused.
    """
    history = History(entries)
    if history.unknown_kind is not None:
        told = (
            f"only a newer release can read its history ({history.unknown_kind!r}); fork it there"
        )
        raise ForkRefused(told)
    _refuse_ahead(history, at)
    _refuse_undone(history, at, is_undoing)
    _refuse_open_child(history, at)
    kept = [each for position in range(1, at) for each in history.story(position)]
    labels = [each.name for each in kept if each.kind == HistoryKind.STATUS_SET]
    kept += [each for each in entries if _says_how_it_began(each)]
    return Prefix(
        lines=sorted(kept, key=lambda each: each.id),
        status=labels[-1] if labels else "",
        notes=history.carried or CarriedNotes(),
    )


def _says_how_it_began(entry: HistoryEntry) -> bool:
    if entry.kind == HistoryKind.CONTINUED:
        return carried_notes(entry) is not None
    return entry.kind in (HistoryKind.FORKED, HistoryKind.CHILDREN_KEPT)


def _refuse_ahead(history: History, at: int) -> None:
    """A fork begins between two operations, the first of which has ended."""
    last = history.last_position
    group = group_of(history, at)
    if group is not None:
        first = group[0] - 1
        told = f"position {at} is inside a group; fork at {first}, where that begins, or behind it"
        raise ForkRefused(told)
    if at > last + 1:
        raise ForkRefused(f"the run has come to position {last} only; fork at {last + 1} at most")
    if at <= last or last == 0:
        return
    group = group_of(history, last)
    unfinished = next((each for each in group or [last] if history.outcome(each) is None), None)
    if unfinished is not None:
        first = group[0] - 1 if group else last
        told = f"{_named(history, unfinished)} has not ended; fork at {first} at most"
        raise ForkRefused(told)


def _refuse_undone(history: History, at: int, is_undoing: bool) -> None:
    """What the fork believes to be done must not have been undone."""
    for position in range(1, at):
        outcome = history.outcome(position)
        if history.is_undone_by_the_run(position):
            told = f"{_named(history, position)} has been undone; fork at {position} at most"
            raise ForkRefused(told)
        if is_undoing and outcome is not None and outcome.kind == HistoryKind.STEP_COMPLETED:
            told = f"the run undoes its steps now; fork at {position} at most, or once it has ended"
            raise ForkRefused(told)


def _refuse_open_child(history: History, at: int) -> None:
    """Children stay with the other run: the fork would wait for their ends in vain."""
    going: dict[UUID | None, int] = {child.id: 0 for child in history.kept_children}
    for position in range(1, at):
        outcome = history.outcome(position)
        if outcome is None:
            continue
        if outcome.kind == HistoryKind.CHILD_STARTED and not DETACHED.find(outcome):
            going[started_child(outcome)] = position
        elif outcome.kind == HistoryKind.EVENT_RECEIVED:
            going.pop(ended_child(outcome), None)
    for position in going.values():
        if position == 0:
            told = f"at position {at} a child goes on that the run has from the one before it in its chain"
            raise ForkRefused(f"{told}; fork behind its end")
        raise ForkRefused(
            f"at position {at} the run waits for a child or goes on beside it, started as "
            f"{_named(history, position)}; fork at {position} at most, or behind its end"
        )


def _named(history: History, position: int) -> str:
    begun = history.begun(position)
    return f"position {position}" + (f" ({recorded_operation(begun)})" if begun else "")
