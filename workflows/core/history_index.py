"""What a run has done, looked up by position."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.kept_children import KeptChild, kept_children
from workflows.core.line_fields import (
    AGAIN,
    ATTEMPT,
    BEFORE,
    COMPANY,
    CREATED_AT,
    ERROR,
    POSITIONS,
    RETRY_AT,
    RUN,
    STEPS,
    VIA,
)
from workflows.core.lines import carried_notes
from workflows.core.notes import CarriedNotes
from workflows.core.running_steps import RunningStep, read_steps


class History:
    """The recorded operations of one run."""

    def __init__(self, entries: Iterable[HistoryEntry] = ()) -> None:
        self._parts: dict[int, dict[int, HistoryEntry]] = {}
        self._undo: dict[int, dict[int, HistoryEntry]] = {}
        self.last_position = 0
        self._last_id = 0
        self._woken_at: datetime | None = None
        self._compensating_since = 0
        self._undoes_since: int | None = None
        """The line with which the run turned to undo its steps, the first time."""
        self._forks: list[tuple[int, UUID]] = []
        """Before which position the operations are those of which run."""
        self.begun_at: datetime | None = None
        """When the run began whose operations a fork begins with; None: it is no fork."""
        self._overran: dict[tuple[int, int, bool], tuple[int, RunningStep]] = {}
        self._lost_in_company: list[tuple[int, datetime]] = []
        """In which attempts of the run, and when, since it last made progress."""
        self.code_awaited_since: datetime | None = None
        """Since when nothing but waiting for newer code has happened; None: it is not waited for."""
        self.carried: CarriedNotes | None = None
        """What the run began with, where it continues another that had kept something."""
        self.kept_children: list[KeptChild] = []
        """What it has from the run that it continues."""
        self.unknown_kind: str | None = None
        """A kind of line here that only a newer engine knows."""
        self.again: set[int] = set()
        """Positions that a retry has left behind: there may be lines of later ones, of updates that were
        answered during a wait there."""
        self.has_cleanups = False
        """A step is to run when the run ends."""
        self.cancel_began_it = False
        """The run compensates, or has, because it was cancelled."""
        self.tries_again = False
        """The run undoes its steps, and is tried again then."""
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
        self._lost_in_company.clear()
        if entry.is_undo:
            self._undo.setdefault(entry.position, {})[entry.place - UNDO] = entry
            return
        self._parts.setdefault(entry.position, {})[entry.place] = entry
        self.last_position = max(self.last_position, entry.position)
        if entry.kind == HistoryKind.CLEANUP_SET:
            self.has_cleanups = True

    def _add_about_the_run(self, entry: HistoryEntry) -> None:
        if entry.kind == HistoryKind.WOKEN:
            self._woken_at = entry.at
            self._lost_in_company.clear()
        elif entry.kind == HistoryKind.COMPENSATION_STARTED:
            self._compensating_since = entry.id
            # An operator's `compensate` always says by which way.
            self.cancel_began_it = ERROR.find(entry) is None and VIA.find(entry) is None
            self.tries_again = bool(AGAIN.find(entry))
            self._undoes_since = self._undoes_since or entry.id
            self._lost_in_company.clear()
        elif entry.kind == HistoryKind.RETRIED:
            self._forget(set(POSITIONS.of(entry)))
            self._lost_in_company.clear()
        elif entry.kind == HistoryKind.FORKED:
            before = BEFORE.of(entry)
            known = [(min(each, before), run_id) for each, run_id in self._forks]
            self._forks = [*known, (before, UUID(RUN.of(entry)))]
            self.begun_at = self.begun_at or CREATED_AT.of(entry)
        elif entry.kind == HistoryKind.CONTINUED:
            self.carried = carried_notes(entry) or self.carried
        elif entry.kind == HistoryKind.CHILDREN_KEPT:
            self.kept_children = kept_children(entry)
        elif entry.kind == HistoryKind.RECOVERED:
            if COMPANY.find(entry):
                self._lost_in_company.append((ATTEMPT.of(entry), entry.at))
            for step in read_steps(STEPS.find(entry)):
                if step.overran is not None:
                    key = (step.position, step.attempt, step.undo)
                    self._overran[key] = (entry.id, step)

    def _forget(self, positions: set[int]) -> None:
        """What was recorded there counts no more: the run is retried from what failed."""
        for position in positions:
            self._parts.pop(position, None)
        self.again |= positions
        self._overran = {key: ran for key, ran in self._overran.items() if key[0] not in positions}
        self.last_position = max(self._parts, default=0)

    def origin(self, position: int) -> UUID | None:
        """Return the run whose operation it is at this position of a fork; None: its own."""
        return next((run_id for before, run_id in self._forks if position < before), None)

    def story(self, position: int) -> list[HistoryEntry]:
        """Return the lines that count of this position, up to the end of what the code did itself.

        How a cleanup went is none of it: it runs at each run's own end."""
        if self.is_cleanup(position):
            return list(self._parts[position].values())
        since = self._undoes_since
        undone = self._undo.get(position, {}).values()
        by_the_code = [each for each in undone if since is None or each.id < since]
        return [*self._parts.get(position, {}).values(), *by_the_code]

    def is_undone_by_the_run(self, position: int) -> bool:
        """Whether the run itself, not a group of its code, has begun to undo the step there."""
        if self.is_cleanup(position):
            return False
        undone = self._undo.get(position, {}).values()
        return self._undoes_since is not None and any(
            each.id > self._undoes_since for each in undone
        )

    def is_cleanup(self, position: int) -> bool:
        """Whether a step is named at this position that runs at the run's end."""
        outcome = self.outcome(position)
        return outcome is not None and outcome.kind == HistoryKind.CLEANUP_SET

    @property
    def has_compensated(self) -> bool:
        """Whether undoing its steps has begun, or that of a group's."""
        return self._compensating_since > 0 or bool(self._undo)

    def outcome(self, position: int) -> HistoryEntry | None:
        """Return how the operation at this position ended, None while it has not."""
        return self._parts.get(position, {}).get(0)

    def begun(self, position: int) -> HistoryEntry | None:
        """Return any line of this position, None when nothing has happened there."""
        parts = self._parts.get(position)
        return next(iter(parts.values())) if parts else None

    def started(self, position: int) -> HistoryEntry | None:
        """Return the line that says since when the wait or sleep at this position lasts."""
        return self._parts.get(position, {}).get(1)

    def failed_attempts(self, position: int) -> int:
        """Count the attempts of the step at this position that have failed so far."""
        parts = self._parts.get(position)
        if parts is None:
            return 0  # most steps need no second attempt, and do not pay for the question
        return sum(entry.kind == HistoryKind.ATTEMPT_FAILED for entry in parts.values())

    def last_failure(self, position: int) -> HistoryEntry | None:
        """Return the newest failed attempt of the step at this position."""
        parts = self._parts.get(position)
        if parts is None:
            return None
        failed = [each for each in parts.values() if each.kind == HistoryKind.ATTEMPT_FAILED]
        return max(failed, key=lambda entry: entry.place, default=None)

    def overran(self, position: int, attempt: int, *, undo: bool) -> RunningStep | None:
        """Return this attempt of the step at this position, or of its compensation in this round,
        where it ran beyond its limit until its process was ended."""
        line, step = self._overran.get((position, attempt, undo), (0, None))
        return None if undo and line < self._compensating_since else step

    def lost_in_company(self, *, since_attempt: int = 0) -> list[datetime]:
        """Return when the run was lost together with others, since it last made progress; since_attempt:
        and not before this attempt of it."""
        return [at for attempt, at in self._lost_in_company if attempt >= since_attempt]

    def retry_at(self, position: int) -> datetime | None:
        """Return when the step at this position may be tried again; None: now."""
        failure = self.last_failure(position)
        if failure is None or (self._woken_at is not None and self._woken_at > failure.at):
            return None
        return RETRY_AT.of(failure)

    def begin_compensation(self, *, by_cancel: bool, again: bool = False) -> None:
        """Take note that the run begins to undo its steps now. again: and is tried again then."""
        self.cancel_began_it, self.tries_again = by_cancel, again
        self._compensating_since = self._last_id + 1
        self.code_awaited_since = None

    def undone(self, position: int) -> HistoryEntry | None:
        """Return how the step at this position was compensated, None while it has not been."""
        return self._undo.get(position, {}).get(0)

    def undo_given_up(self, position: int) -> HistoryEntry | None:
        """Return the attempt with which the compensation of this step failed for good, unless the
        run has begun to compensate anew since."""
        failed = self._failed_undos_of_this_round(position)
        return next((each for each in failed if RETRY_AT.find(each) is None), None)

    def undo_attempt(self, position: int) -> int:
        """Return the number of the next attempt to compensate this step, in this round."""
        return len(self._failed_undos_of_this_round(position)) + 1

    def failed_undos(self, position: int) -> int:
        """Count the failed attempts to compensate the step at this position, over all rounds."""
        return len(self._undo.get(position, {}).keys() - {0})

    def _failed_undos_of_this_round(self, position: int) -> list[HistoryEntry]:
        failed = [each for part, each in self._undo.get(position, {}).items() if part]
        return [each for each in failed if each.id >= self._compensating_since]
