"""A watched replay, written down: each operation as the code asks for it, beside what history says."""

from collections.abc import Callable
from typing import Any

from workflows.core.errors import ReplayMismatch
from workflows.core.failure import describe
from workflows.core.states import RunState
from workflows.core.unwind import EndOfHistory
from workflows.engine.debugging.found_run import FoundRun
from workflows.engine.debugging.told_history import (
    by_position,
    told_line,
    told_lines,
    told_next,
    told_place,
    told_stop,
    told_time,
)
from workflows.engine.debugging.watched_replay import QuitWatching, Stop, watch
from workflows.engine.drive.workflow_code import Retraced
from workflows.engine.replay_check import Difference
from workflows.engine.session.session import Session
from workflows.store.read_only import reading_only

Say = Callable[[str], Any]
"""Writes a line."""


class Transcript:
    """Writes the operations down, from a position on or up to it, and how the replay ends."""

    def __init__(self, found: FoundRun, say: Say, *, until: int | None = None) -> None:
        self.found, self.say, self.until = found, say, until
        self.lines = by_position(found.recorded.entries)
        self.is_through = True
        """Nobody has ended the replay before its end."""
        self.is_told = False
        """How the replay ended has been said."""

    def replay(self) -> Difference | None:
        """Replay the run and tell of it. Returns how code and history differ; None: they do not, as far
        as was looked."""
        recorded = self.found.recorded
        self.say(f"run {recorded.run_id} of {recorded.workflow} version {recorded.version}")
        self.say(f"created {told_time(recorded.created_at)}, input {recorded.input}")
        with reading_only():
            difference = watch(recorded, self)
        if difference is not None and not self.is_told:
            self.say(f"THE CODE DOES NOT FIT: {difference.why}")
        self._tell_row()
        if (
            difference is None
            and self.is_through
            and self.found.row.get("state") == RunState.BLOCKED
        ):
            self.say("this code fits its history: retry_now lets the run go on")
        return difference

    def before(self, stop: Stop, session: Session) -> None:
        """Write an operation down."""
        self.tell(stop)
        if self.until is not None and stop.position >= self.until:
            self.is_told, self.is_through = True, False
            raise session.unwind(QuitWatching())

    def unwound(self, why: BaseException, stop: Stop | None, session: Session) -> None:
        """Write down why the code gets no further."""
        self.is_told = True
        if isinstance(why, EndOfHistory) and stop is not None:
            self.say(f"HISTORY ENDS HERE. Next: {told_next(stop, session.history)}")
            return
        self._tell_mismatch(why, stop)

    def over(self, session: Session, retraced: Retraced) -> None:
        """Write down how the code has ended."""
        mismatch, raised = retraced
        if self.is_told:
            return
        self.is_told = mismatch is not None or raised is not None
        if raised is not None:
            failure = describe(raised)
            self.say(f"THE CODE RAISES {failure['type']}: {failure['message']}")
            self.say(failure["traceback"].rstrip())
        if mismatch is not None:
            self._tell_mismatch(mismatch, None)
        elif raised is None and session.returned:
            self.say(f"THE CODE RETURNS {session.returned[0]!r}")

    def tell(self, stop: Stop) -> None:
        """Write one operation down, and what history has of it."""
        self.say(told_stop(stop))
        for line in told_lines(stop, self.lines, self.found.recorded.created_at):
            self.say(f"    {line}")

    def _tell_mismatch(self, why: BaseException, stop: Stop | None) -> None:
        self.say("THE CODE LEAVES HISTORY HERE")
        if isinstance(why, ReplayMismatch):
            place = "" if stop is None else f"  {told_place(stop)}"
            self.say(f"  code:    {why.asked}{place}")
            self.say(f"  history: {why.recorded}")
            for entry in self.lines.get(why.position, ()):
                self.say(f"           {told_line(entry, self.found.recorded.created_at)}")
        self.say(f"  {why}")

    def _tell_row(self) -> None:
        row = self.found.row
        undone = [each for each in self.found.recorded.entries if each.is_undo]
        for entry in undone:
            told = told_line(entry, self.found.recorded.created_at)
            self.say(f"position {entry.position}: {told}")
        if not row:
            return
        waits = "".join(f", for {each}" for each in row.get("waiting_for") or ())
        wake_at = row.get("wake_at")
        due = (
            f", due {wake_at if isinstance(wake_at, str) else told_time(wake_at)}"
            if wake_at
            else ""
        )
        self.say(f"the run is {row['state']}{waits}{due}")
        for name in ("error", "compensation_error"):
            error = row.get(name)
            if error:
                self.say(f"  {name}: {error['type']}: {error['message']}")
