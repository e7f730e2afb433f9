"""What a run has asked for so far, position by position, told from its history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workflows.core.history import OPERATION, HistoryEntry, HistoryKind
from workflows.core.line_fields import NAMES
from workflows.core.step_views import StepView

_ = HistoryKind
_OPEN = {_.WAIT_STARTED, _.SLEEP_STARTED, _.ATTEMPT_FAILED, _.STEP_STARTED}
_LEFT_OUT = {"status", "patch", "update"}
"""They are no nodes of their own, or come whenever somebody asks."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One position of a run."""

    position: int
    kind: str
    """As core.history.OPERATION names it."""
    names: tuple[str, ...]
    """Of the step, the child's workflow, the event's, all that are waited for, the group's steps."""
    open: bool = False
    """It has begun, and not ended."""
    failed: bool = False
    timed_out: bool = False


def operations(lines: Iterable[HistoryEntry], steps: Sequence[StepView]) -> list[Operation]:
    """Return the operations of a run by their positions. What was done again after a retry counts as
    it was the last time; of steps that run now, history may have no line yet."""
    last: dict[int, HistoryEntry] = {}
    for line in lines:
        if line.position is not None and not line.is_undo and line.kind in OPERATION:
            last[line.position] = line
    found = {
        position: _operation(position, line)
        for position, line in last.items()
        if OPERATION[line.kind] not in _LEFT_OUT
    }
    for step in steps:
        if step.position is not None and step.position not in last:
            found[step.position] = Operation(
                position=step.position, kind="step", names=(step.name,), open=True
            )
    return [found[position] for position in sorted(found)]


def _operation(position: int, line: HistoryEntry) -> Operation:
    names: tuple[str, ...] = (line.name,)
    if OPERATION[line.kind] in ("wait", "group"):
        names = tuple(NAMES.find(line) or names)
    return Operation(
        position=position,
        kind=OPERATION[line.kind],
        names=names,
        open=line.kind in _OPEN,
        failed=line.kind in (_.STEP_FAILED, _.EVENT_REFUSED),
        timed_out=line.kind == _.WAIT_TIMED_OUT,
    )
