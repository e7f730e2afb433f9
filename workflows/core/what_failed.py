"""What a failed run goes on from: which recorded outcomes its retry leaves behind."""

from typing import NamedTuple
from uuid import UUID

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.line_fields import NAMES
from workflows.core.lines import child_end, ended_child
from workflows.core.states import RunState

_ = HistoryKind
_OPEN_WAITS = frozenset({_.WAIT_STARTED, _.SLEEP_STARTED})
_STEP_NOT_DONE = frozenset({_.STEP_FAILED, _.ATTEMPT_FAILED, _.STEP_STARTED})


class WhatFailed(NamedTuple):
    """What is done again."""

    positions: list[int]
    """All of them, in order."""
    standing: set[UUID]
    """The children (a chain by its first run) whose ends the run has heard, and believes."""


def what_failed(history: History) -> WhatFailed:
    """Return what stands at the end of a failed run's history and has not been done: its last step,
    where that failed or was not done, or the failed steps of its last group; and the ends of
    children behind it. Behind no such step, they begin with the first that did not complete.

    Whatever has completed before stays, and so does a failure that the code caught and left behind.
    """
    ends: list[int] = []
    steps: list[int] = []
    for position in range(history.last_position, 0, -1):
        entry = history.outcome(position) or history.begun(position)
        if entry is None or entry.kind in _OPEN_WAITS:
            continue
        if _child(entry) is not None:
            ends.insert(0, position)
            continue
        if _is_of_an_answer(history, position, entry):
            break
        group = group_of(history, position)
        steps = [each for each in group or [position] if _is_not_done(history, each)]
        break
    while not steps and ends and _has_completed(history, ends[0]):
        ends.pop(0)
    again = sorted(steps + ends)
    heard = {
        child
        for position in range(1, history.last_position + 1)
        if position not in again and (child := _child(history.outcome(position))) is not None
    }
    return WhatFailed(again, heard)


def _child(entry: HistoryEntry | None) -> UUID | None:
    if entry is None or entry.kind != HistoryKind.EVENT_RECEIVED:
        return None
    return ended_child(entry)


def _has_completed(history: History, position: int) -> bool:
    outcome = history.outcome(position)
    return outcome is not None and child_end(outcome).state == RunState.COMPLETED


def _is_not_done(history: History, position: int) -> bool:
    entry = history.outcome(position) or history.begun(position)
    return entry is not None and entry.kind in _STEP_NOT_DONE


def _is_of_an_answer(history: History, position: int, entry: HistoryEntry) -> bool:
    """Whether it was done for an update that has been answered: its caller has heard of it."""
    for before in range(position - 1, 0, -1):
        answered = history.outcome(before)
        if answered is not None and answered.kind == HistoryKind.UPDATE_ANSWERED:
            return answered.id > entry.id
    return False


def group_of(history: History, position: int) -> list[int] | None:
    """Return the positions of the steps of the group that this one is of; None: it is of none."""
    for first in range(position - 1, 0, -1):
        entry = history.begun(first)
        if entry is not None and entry.kind == HistoryKind.GROUP_STARTED:
            last = first + len(NAMES.of(entry))
            return list(range(first + 1, last + 1)) if position <= last else None
    return None
