"""What a failed run goes on from: which recorded outcomes its retry leaves behind."""

from typing import NamedTuple
from uuid import UUID

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.line_fields import NAMES
from workflows.core.lines import CHILD_EVENT, child_end, ended_child, started_child
from workflows.core.states import RunState

_ = HistoryKind
_OPEN_WAITS = frozenset({_.WAIT_STARTED, _.SLEEP_STARTED})
_STEP_NOT_DONE = frozenset({_.STEP_FAILED, _.ATTEMPT_FAILED, _.STEP_STARTED, _.EVENT_REFUSED})


class WhatFailed(NamedTuple):
    """What is done again."""

    positions: list[int]
    """All of them, in order."""
    standing: set[UUID]
    """The children (a chain by its first run) whose ends the run has heard, and believes."""
    answered: HistoryEntry | None
    """The answer of an update that was given behind what failed: its caller has heard of what came of that,
    so nothing can be done again. None: there is none."""


def what_failed(history: History) -> WhatFailed:
    """Return what stands at the end of a failed run's history and has not been done: its last step,
    where that failed or was not done, or the failed steps of its last group; and the ends of
    children behind it. Behind no such step, they begin with the first that did not complete.

    Whatever has completed before stays, and so does a failure that the code caught and left behind: also to
    wait, until a deadline came. What was done for an update that is answered stays as well.
    """
    ends: list[int] = []
    steps: list[int] = []
    own = _without_answers(history)
    for position in reversed(own):
        entry = history.outcome(position) or history.begun(position)
        assert entry is not None  # noqa: S101 - a position of the code has a line
        if _is_about_a_child(history, position, entry):
            ends.insert(0, position)
            continue
        if entry.kind in _OPEN_WAITS:
            break
        group = group_of(history, position)
        steps = [each for each in group or [position] if _is_not_done(history, each)]
        break
    while not steps and ends and _stands(history, ends[0]):
        ends.pop(0)
    again = sorted(steps + ends)
    heard = {
        child
        for position in range(1, history.last_position + 1)
        if position not in again and (child := _child(history.outcome(position))) is not None
    }
    return WhatFailed(again, heard, _answered_behind(history, own, again))


def _without_answers(history: History) -> list[int]:
    """Return the recorded positions but those of answered updates and of what their handlers did."""
    own: list[int] = []
    answered = 0
    for position in range(1, history.last_position + 1):
        entry = history.outcome(position) or history.begun(position)
        if entry is None:
            continue
        if entry.kind == HistoryKind.UPDATE_ANSWERED:
            answered = entry.id
        elif entry.id > answered:
            own.append(position)
    return own


def _is_about_a_child(history: History, position: int, entry: HistoryEntry) -> bool:
    """Whether it is the end of a child, or the wait for one in which the run stood when it failed: that
    may be the engine's own, which waits for all of them where the code has raised."""
    if entry.kind != HistoryKind.WAIT_STARTED:
        return _child(entry) is not None
    [name, *more] = NAMES.of(entry)
    return not more and name.startswith(CHILD_EVENT) and position == history.last_position


def _answered_behind(history: History, own: list[int], again: list[int]) -> HistoryEntry | None:
    """Return the first answer that was not given during a wait that is waited again."""
    for position in range(again[0] + 1 if again else 1, history.last_position + 1):
        answered = history.outcome(position)
        if not again or answered is None or answered.kind != HistoryKind.UPDATE_ANSWERED:
            continue
        before = history.outcome(max(each for each in own if each < position))
        during = _child(before) is not None and before is not None and before.id > answered.id
        if not during or _child(history.outcome(again[0])) is None:
            return answered
    return None


def started_at(history: History, child: UUID) -> int | None:
    """Return the position at which a child was started; None: it is another run's."""
    for position in range(1, history.last_position + 1):
        entry = history.outcome(position)
        if entry is not None and entry.kind == _.CHILD_STARTED and started_child(entry) == child:
            return position
    return None


def _child(entry: HistoryEntry | None) -> UUID | None:
    if entry is None or entry.kind != HistoryKind.EVENT_RECEIVED:
        return None
    return ended_child(entry)


def _stands(history: History, position: int) -> bool:
    """Whether the child there has completed, or is still waited for."""
    outcome = history.outcome(position)
    return outcome is None or child_end(outcome).state == RunState.COMPLETED


def _is_not_done(history: History, position: int) -> bool:
    entry = history.outcome(position) or history.begun(position)
    return entry is not None and entry.kind in _STEP_NOT_DONE


def group_of(history: History, position: int) -> list[int] | None:
    """Return the positions of the steps of the group that this one is of; None: it is of none."""
    for first in range(position - 1, 0, -1):
        entry = history.begun(first)
        if entry is not None and entry.kind == HistoryKind.GROUP_STARTED:
            last = first + len(NAMES.of(entry))
            return list(range(first + 1, last + 1)) if position <= last else None
    return None
