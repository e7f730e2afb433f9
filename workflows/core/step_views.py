"""The steps of a run as people see them: told from its history and from what its code names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import TextChoices

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import ERROR, NAMES, OUTPUT, POSITIONS, RETRY_AT, STEPS
from workflows.core.lines import attempt_began
from workflows.core.running_steps import RunningStep, read_steps
from workflows.core.states import FINAL_STATES, HELD_STATES, RunState


class StepState(TextChoices):
    """Where a step of a run is."""

    PENDING = "pending"
    """The code names it; the run has not come to it, or has not recorded anything of it yet."""
    RUNNING = "running"
    """An attempt is under way, as far as the run has recorded it or its worker's host has seen it."""
    WAITING = "waiting"
    """An attempt has failed, or was lost with its worker, and the next one has not begun."""
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
    lost: int = 0
    """Those that were lost with their worker; they are tried again under the same number."""
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
    running_since: datetime | None = None
    """When the attempt under way began, or, where none is, the one that was lost last; None: no host has
    seen one."""
    host: str = ""
    """Where that is, or was; "" where nobody knows."""
    pid: int | None = None
    """Of the worker there."""


def tell_steps(
    entries: Iterable[HistoryEntry],
    state: RunState,
    planned: Sequence[PlannedStep],
    running: Iterable[RunningStep] = (),
) -> list[StepView]:
    """Return the steps of a run: first those it has come to, by position, then those its code
    names and it has not come to, in the order of the code.

    A step that the code names in several places counts once for each; one place that a loop
    comes to often is reached as soon as it has been once. running: as the run's row shows it.
    """
    found = _by_position(entries)
    if state in HELD_STATES:
        _add_running(found, running)
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
    lost: list[RunningStep] = field(default_factory=list)
    """Attempts that went with their worker, the newest last."""
    running: RunningStep | None = None
    cleanup: bool = False
    """It is to run when the run ends."""

    def add(self, entry: HistoryEntry) -> None:
        self.first = self.first or entry
        match entry.kind:
            case HistoryKind.STEP_COMPLETED | HistoryKind.STEP_FAILED:
                self.outcome = entry
            case HistoryKind.ATTEMPT_FAILED:
                self.failed, self.failures = entry, self.failures + 1
            case HistoryKind.CLEANUP_SET:
                self.cleanup = True
            case HistoryKind.STEP_STARTED:
                self.started = True
            case HistoryKind.COMPENSATION_COMPLETED:
                self.undone = entry
            case HistoryKind.COMPENSATION_ATTEMPT_FAILED:
                self.undo_failed = entry

    def is_open(self, attempt: RunningStep) -> bool:
        """Whether history has no end of this attempt."""
        if attempt.undo:
            failed_at = None if self.undo_failed is None else self.undo_failed.at
            return self.undone is None and (failed_at is None or failed_at <= attempt.since)
        return self.outcome is None and self.failures < attempt.attempt

    @property
    def seen(self) -> RunningStep | None:
        """The attempt under way, or the one that was lost last and not made again."""
        last = self.running or (self.lost[-1] if self.lost else None)
        return last if last is not None and self.is_open(last) else None

    @property
    def completed(self) -> bool:
        return self.outcome is not None and self.outcome.kind == HistoryKind.STEP_COMPLETED

    def view(self, run: RunState, next_undo: int | None) -> StepView:
        state = self._state(run, next_undo)
        last = self.undo_failed if state == StepState.COMPENSATING else self.failed
        awaited = state in (StepState.WAITING, StepState.COMPENSATING) and last is not None
        # What a worker drives again is not told to run where it was lost.
        seen = self.running if state == StepState.RUNNING else self.seen
        ended = self.undone or self.outcome
        began = attempt_began(self.first) if self.first else None
        return StepView(
            position=self.position,
            name=self.name,
            state=state,
            attempts=self.failures + (self.outcome is not None),
            lost=sum(not each.undo and each.overran is None for each in self.lost),
            output=OUTPUT.find(self.outcome) if self.outcome and self.completed else None,
            error=None if self.completed else _error(self.outcome or self.failed),
            compensation_error=None if self.undone else _error(self.undo_failed),
            retry_at=RETRY_AT.find(last) if awaited and last is not None else None,
            started_at=began,
            ended_at=ended.at if ended is not None else None,
            duration=self.outcome.at - began if self.outcome and began else None,
            running_since=seen.since if seen is not None else None,
            host=seen.host if seen is not None else "",
            pid=seen.pid if seen is not None else None,
        )

    def _state(self, run: RunState, next_undo: int | None) -> StepState:
        if self.cleanup:
            return self._state_of_cleanup(run)
        if self.undone is not None:
            return StepState.COMPENSATED
        if self.completed:
            undo_began = self.undo_failed is not None or self.seen is not None
            undoing = (undo_began and run not in FINAL_STATES) or self.position == next_undo
            return StepState.COMPENSATING if undoing else StepState.COMPLETED
        if self.outcome is not None:
            return StepState.FAILED
        if self.failed is None and not self.started and self.seen is None:
            return StepState.SKIPPED if _is_past(run) else StepState.PENDING
        if _is_past(run):
            return StepState.FAILED
        driven = run in (RunState.RUNNING, RunState.CANCELLING)
        return StepState.RUNNING if driven else StepState.WAITING

    def _state_of_cleanup(self, run: RunState) -> StepState:
        if self.undone is not None:
            return StepState.COMPLETED
        if self.undo_failed is not None:
            given_up = run in FINAL_STATES or RETRY_AT.find(self.undo_failed) is None
            return StepState.FAILED if given_up else StepState.WAITING
        if self.seen is not None:
            return StepState.RUNNING
        return StepState.SKIPPED if run in FINAL_STATES else StepState.PENDING


def _is_past(state: RunState) -> bool:
    """Whether the run begins nothing more that its code names."""
    return state in FINAL_STATES or state == RunState.COMPENSATING


def _by_position(entries: Iterable[HistoryEntry]) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    for entry in entries:
        if entry.kind in (HistoryKind.RECOVERED, HistoryKind.BLOCKED):
            for step in read_steps(STEPS.find(entry)):
                _found_by(found, step).lost.append(step)
        if entry.kind == HistoryKind.RETRIED:
            for position in found.keys() & set(POSITIONS.of(entry)):
                found[position] = _Found(position=position, name=found[position].name)
        if entry.position is None:
            continue
        if entry.kind == HistoryKind.GROUP_STARTED:
            for place, name in enumerate(NAMES.of(entry), start=entry.position + 1):
                found.setdefault(place, _Found(position=place, name=name))
        elif entry.kind in _ABOUT_STEPS:
            name = "" if entry.is_undo else entry.name
            found.setdefault(entry.position, _Found(position=entry.position, name=name)).add(entry)
    return found


def _found_by(found: dict[int, _Found], step: RunningStep) -> _Found:
    name = "" if step.undo else step.name
    return found.setdefault(step.position, _Found(position=step.position, name=name))


def _add_running(found: dict[int, _Found], running: Iterable[RunningStep]) -> None:
    for step in running:
        known = found.get(step.position)
        if known is None or known.is_open(step):
            _found_by(found, step).running = step


_ABOUT_STEPS = {
    HistoryKind.CLEANUP_SET,
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
