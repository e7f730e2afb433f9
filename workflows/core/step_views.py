"""The steps of a run as people see them: told from its history and from what its code names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import TextChoices

from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.line_fields import ERROR, NAMES, OUTPUT, RETRY_AT
from workflows.core.lines import attempt_began
from workflows.core.states import FINAL_STATES, RunState


class StepState(TextChoices):
    """Where a step of a run is."""

    PENDING = "pending"
    """The code names it; the run has not come to it, or has not recorded anything of it yet."""
    RUNNING = "running"
    """An attempt is under way, as far as the run has recorded it."""
    WAITING = "waiting"
    """An attempt has failed and the next one's time has not come."""
    COMPLETED = "completed"
    """Its result is recorded."""
    FAILED = "failed"
    """It has failed for good, or the run ended between its attempts."""
    SKIPPED = "skipped"
    """The run has ended and never came to it."""
    COMPENSATING = "compensating"
    """It is being undone, or its undoing waits for the next attempt."""
    COMPENSATED = "compensated"
    """It is undone."""


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A step that the code of a workflow names in one place."""

    name: str
    undoable: bool
    """Whether it says how it is undone."""


@dataclass(frozen=True, kw_only=True)
class StepView:
    """A step of a run as anybody outside sees it. Times are aware; output is a JSON value."""

    position: int | None
    """Which operation of the run it is; None: the run has not come to it."""
    name: str
    state: StepState
    attempts: int = 0
    """Those that have ended."""
    output: Any = None
    error: dict[str, Any] | None = None
    """type and message of its failure, or of its last failed attempt."""
    compensation_error: dict[str, Any] | None = None
    """type and message of the last failed attempt to undo it."""
    retry_at: datetime | None = None
    """When the next attempt may begin, where it waits for one."""
    started_at: datetime | None = None
    """When its first attempt began; None as well for one that an older release has recorded."""
    ended_at: datetime | None = None
    """When it ended, or was undone."""
    duration: timedelta | None = None
    """From the beginning of its first attempt to its end, pauses between attempts included."""


def tell_steps(
    entries: Iterable[HistoryEntry], state: RunState, planned: Sequence[PlannedStep]
) -> list[StepView]:
    """Return the steps of a run: first those it has come to, by position, then those its code
    names and it has not come to, in the order of the code.

    A step that the code names in several places counts once for each; one place that a loop
    comes to often is reached as soon as it has been once.
    """
    found = _by_position(entries)
    undoable = {step.name for step in planned if step.undoable}
    next_undo = _next_undo(found, undoable) if state == RunState.COMPENSATING else None
    reached = [found[position].view(state, next_undo) for position in sorted(found)]
    counts = Counter(each.name for each in reached)
    left = StepState.SKIPPED if _is_past(state) else StepState.PENDING
    for step in planned:
        if counts[step.name] > 0:
            counts[step.name] -= 1
        else:
            reached.append(StepView(position=None, name=step.name, state=left))
    return reached


@dataclass(kw_only=True)
class _Found:
    """The lines of history about one step."""

    position: int
    name: str
    first: HistoryEntry | None = None
    outcome: HistoryEntry | None = None
    failed: HistoryEntry | None = None
    """The newest failed attempt."""
    failures: int = 0
    started: bool = False
    undone: HistoryEntry | None = None
    undo_failed: HistoryEntry | None = None

    def add(self, entry: HistoryEntry) -> None:
        self.first = self.first or entry
        match entry.kind:
            case HistoryKind.STEP_COMPLETED | HistoryKind.STEP_FAILED:
                self.outcome = entry
            case HistoryKind.ATTEMPT_FAILED:
                self.failed, self.failures = entry, self.failures + 1
            case HistoryKind.STEP_STARTED:
                self.started = True
            case HistoryKind.COMPENSATION_COMPLETED:
                self.undone = entry
            case HistoryKind.COMPENSATION_ATTEMPT_FAILED:
                self.undo_failed = entry

    @property
    def completed(self) -> bool:
        return self.outcome is not None and self.outcome.kind == HistoryKind.STEP_COMPLETED

    def view(self, run: RunState, next_undo: int | None) -> StepView:
        state = self._state(run, next_undo)
        last = self.undo_failed if state == StepState.COMPENSATING else self.failed
        awaited = state in (StepState.WAITING, StepState.COMPENSATING) and last is not None
        ended = self.undone or self.outcome
        began = attempt_began(self.first) if self.first else None
        return StepView(
            position=self.position,
            name=self.name,
            state=state,
            attempts=self.failures + (self.outcome is not None),
            output=OUTPUT.find(self.outcome) if self.outcome and self.completed else None,
            error=None if self.completed else _error(self.outcome or self.failed),
            compensation_error=None if self.undone else _error(self.undo_failed),
            retry_at=RETRY_AT.find(last) if awaited and last is not None else None,
            started_at=began,
            ended_at=ended.at if ended is not None else None,
            duration=self.outcome.at - began if self.outcome and began else None,
        )

    def _state(self, run: RunState, next_undo: int | None) -> StepState:
        if self.undone is not None:
            return StepState.COMPENSATED
        if self.completed:
            being_undone = self.undo_failed is not None and run not in FINAL_STATES
            undoing = being_undone or self.position == next_undo
            return StepState.COMPENSATING if undoing else StepState.COMPLETED
        if self.outcome is not None:
            return StepState.FAILED
        if self.failed is None and not self.started:
            return StepState.SKIPPED if _is_past(run) else StepState.PENDING
        if _is_past(run):
            return StepState.FAILED
        driven = run in (RunState.RUNNING, RunState.CANCELLING)
        return StepState.RUNNING if driven else StepState.WAITING


def _is_past(state: RunState) -> bool:
    """Whether the run begins nothing more that its code names."""
    return state in FINAL_STATES or state == RunState.COMPENSATING


def _by_position(entries: Iterable[HistoryEntry]) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    for entry in entries:
        if entry.position is None:
            continue
        if entry.kind == HistoryKind.GROUP_STARTED:
            for place, name in enumerate(NAMES.of(entry), start=entry.position + 1):
                found.setdefault(place, _Found(position=place, name=name))
        elif entry.kind in _ABOUT_STEPS:
            name = entry.name if entry.part < UNDO else ""
            found.setdefault(entry.position, _Found(position=entry.position, name=name)).add(entry)
    return found


_ABOUT_STEPS = {
    HistoryKind.STEP_COMPLETED,
    HistoryKind.STEP_STARTED,
    HistoryKind.STEP_FAILED,
    HistoryKind.ATTEMPT_FAILED,
    HistoryKind.COMPENSATION_COMPLETED,
    HistoryKind.COMPENSATION_ATTEMPT_FAILED,
}


def _next_undo(found: dict[int, _Found], undoable: set[str]) -> int | None:
    """Return the position whose step is undone next: the last completed of those that can be."""
    left = [
        (each.outcome.id, each.position)
        for each in found.values()
        if each.outcome is not None and each.completed and not each.undone and each.name in undoable
    ]
    return max(left)[1] if left else None


def _error(entry: HistoryEntry | None) -> dict[str, Any] | None:
    return None if entry is None else ERROR.find(entry)
