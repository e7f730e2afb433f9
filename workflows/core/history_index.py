"""What a run has done, looked up by position."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class HistoryKind(enum.StrEnum):
    """What a line of history states."""

    STEP_COMPLETED = "step_completed"
    """data: output."""
    STEP_STARTED = "step_started"
    """Only of a step that runs at most once: its one attempt begins."""
    STEP_FAILED = "step_failed"
    """The step failed for good. data: error, attempts, permanent."""
    ATTEMPT_FAILED = "attempt_failed"
    """An attempt failed and another follows. data: attempt, attempts, error, retry_at."""
    WAIT_STARTED = "wait_started"
    """data: names, until (None without a time limit)."""
    EVENT_RECEIVED = "event_received"
    """name: the event's. data: payload."""
    WAIT_TIMED_OUT = "wait_timed_out"
    SLEEP_STARTED = "sleep_started"
    """data: until."""
    SLEEP_ENDED = "sleep_ended"
    STATUS_SET = "status_set"
    """name: the label."""
    GROUP_STARTED = "group_started"
    """A gather or graph began. data: names of its steps, in the order of their positions."""
    CHILD_STARTED = "child_started"
    """name: the child's workflow. data: run (its id), detached."""
    PATCH_TAKEN = "patch_taken"
    """name: the patch's id. Runs without this line go on with the code before the patch."""
    COMPENSATION_COMPLETED = "compensation_completed"
    """A completed step was undone. data: output."""
    COMPENSATION_ATTEMPT_FAILED = "compensation_attempt_failed"
    """data: attempt, attempts, error, retry_at (None: the last of this round)."""
    RECOVERED = "recovered"
    """A worker was lost; the run went back to the queue. data: worker, crashes."""
    BLOCKED = "blocked"
    """data: error."""
    COMPENSATION_STARTED = "compensation_started"
    """data: by (who asked), error (what the run failed with)."""
    CODE_AWAITED = "code_awaited"
    """The code at hand is older than the run: it waits for a worker with newer code. name: the patch,
    or the kind of line, that this code does not know. data: problem, until (the next try)."""
    WOKEN = "woken"
    """An operator asked for the next attempt now. data: by."""
    CANCEL_REQUESTED = "cancel_requested"
    """data: by, reason."""
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    """data: error."""
    RUN_CANCELLED = "run_cancelled"
    RUN_COMPENSATED = "run_compensated"
    CONTINUED = "continued"
    """The run went on as a new one. data: run (its id)."""
    UNKNOWN = "unknown"
    """Never written: what is read of a line whose kind only a newer engine knows. name: that kind."""


_ = HistoryKind
OPERATION = {
    _.STEP_COMPLETED: "step",
    _.STEP_FAILED: "step",
    _.ATTEMPT_FAILED: "step",
    _.STEP_STARTED: "step",
    _.WAIT_STARTED: "wait",
    _.EVENT_RECEIVED: "wait",
    _.WAIT_TIMED_OUT: "wait",
    _.SLEEP_STARTED: "sleep",
    _.SLEEP_ENDED: "sleep",
    _.STATUS_SET: "status",
    _.GROUP_STARTED: "group",
    _.CHILD_STARTED: "child",
    _.PATCH_TAKEN: "patch",
}
"""Which durable operation of workflow code a line belongs to. Other lines are about the run."""


UNDO = 1_000_000
"""Added to the part of a line about the compensation of the step at its position."""


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One line of history."""

    id: int
    position: int | None
    """Which durable operation of the code it belongs to, from 1; None: about the run itself."""
    part: int
    """0: the outcome of the operation; 1 and up: what happened before it (attempts, waiting)."""
    kind: HistoryKind
    name: str
    data: dict[str, Any]
    at: datetime


class History:
    """The recorded operations of one run."""

    def __init__(self, entries: Iterable[HistoryEntry] = ()) -> None:
        self._parts: dict[int, dict[int, HistoryEntry]] = {}
        self._undo: dict[int, dict[int, HistoryEntry]] = {}
        self.last_position = 0
        self._last_id = 0
        self._woken_at: datetime | None = None
        self._compensating_since = 0
        self.code_awaited_since: datetime | None = None
        """Since when nothing but waiting for newer code has happened; None: it is not waited for."""
        self.unknown_kind: str | None = None
        """A kind of line here that only a newer engine knows."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: HistoryEntry) -> None:
        """Take in a line that has just been written or read."""
        self._last_id = max(self._last_id, entry.id)
        if entry.kind != HistoryKind.CODE_AWAITED:
            self.code_awaited_since = None
        elif self.code_awaited_since is None:
            self.code_awaited_since = entry.at
        if entry.kind == HistoryKind.UNKNOWN:
            self.unknown_kind = entry.name
            return
        if entry.position is None:
            self._add_about_the_run(entry)
            return
        if entry.part >= UNDO:
            self._undo.setdefault(entry.position, {})[entry.part - UNDO] = entry
            return
        self._parts.setdefault(entry.position, {})[entry.part] = entry
        self.last_position = max(self.last_position, entry.position)

    def _add_about_the_run(self, entry: HistoryEntry) -> None:
        if entry.kind == HistoryKind.WOKEN:
            self._woken_at = entry.at
        elif entry.kind == HistoryKind.COMPENSATION_STARTED:
            self._compensating_since = entry.id

    def outcome(self, position: int) -> HistoryEntry | None:
        """Return how the operation at this position ended, None while it has not."""
        return self._parts.get(position, {}).get(0)

    def begun(self, position: int) -> HistoryEntry | None:
        """Return any line of this position, None when nothing has happened there."""
        return next(iter(self._parts.get(position, {}).values()), None)

    def started(self, position: int) -> HistoryEntry | None:
        """Return the line that says since when the wait or sleep at this position lasts."""
        return self._parts.get(position, {}).get(1)

    def failed_attempts(self, position: int) -> int:
        """Count the attempts of the step at this position that have failed so far."""
        parts = self._parts.get(position, {})
        return sum(entry.kind == HistoryKind.ATTEMPT_FAILED for entry in parts.values())

    def last_failure(self, position: int) -> HistoryEntry | None:
        """Return the newest failed attempt of the step at this position."""
        parts = self._parts.get(position, {})
        failed = [each for each in parts.values() if each.kind == HistoryKind.ATTEMPT_FAILED]
        return max(failed, key=lambda entry: entry.part, default=None)

    def retry_at(self, position: int) -> datetime | None:
        """Return when the step at this position may be tried again; None: now."""
        failure = self.last_failure(position)
        if failure is None or (self._woken_at is not None and self._woken_at > failure.at):
            return None
        return datetime.fromisoformat(failure.data["retry_at"])

    def begin_compensation(self) -> None:
        """Take note that the run begins to undo its steps now."""
        self._compensating_since = self._last_id + 1
        self.code_awaited_since = None

    def undone(self, position: int) -> HistoryEntry | None:
        """Return how the step at this position was compensated, None while it has not been."""
        return self._undo.get(position, {}).get(0)

    def undo_given_up(self, position: int) -> HistoryEntry | None:
        """Return the attempt with which the compensation of this step failed for good, unless the
        run has begun to compensate anew since."""
        failed = self._failed_undos_of_this_round(position)
        return next((each for each in failed if each.data.get("retry_at") is None), None)

    def undo_attempt(self, position: int) -> int:
        """Return the number of the next attempt to compensate this step, in this round."""
        return len(self._failed_undos_of_this_round(position)) + 1

    def failed_undos(self, position: int) -> int:
        """Count the failed attempts to compensate the step at this position, over all rounds."""
        return len(self._undo.get(position, {}).keys() - {0})

    def _failed_undos_of_this_round(self, position: int) -> list[HistoryEntry]:
        failed = [each for part, each in self._undo.get(position, {}).items() if part]
        return [each for each in failed if each.id >= self._compensating_since]
