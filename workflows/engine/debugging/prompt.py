"""A watched replay under pdb: it stops before each operation, in the code that asks for it."""

import os
import pdb
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TextIO

from workflows.engine.debugging.found_run import FoundRun
from workflows.engine.debugging.told_history import told_line
from workflows.engine.debugging.transcript import Say, Transcript
from workflows.engine.debugging.watched_replay import QuitWatching, Stop, is_engine
from workflows.engine.drive.workflow_code import Retraced
from workflows.engine.session.session import Session

CALLER = "workflows.engine.session.own_context"
"""The engine's module that calls the workflow's function."""
HELP = """\
Beside pdb's own commands (help lists them; p, where, up, list, next, step, break, continue, quit):
  next operation    go on to the next operation (c does the same)
  operation         show this operation again, and what history says of it
  operation N       go on to position N without a stop
  history           all lines of history; history N: those of position N, whole
  data              what the run keeps here: run.data, run.attributes
  end               go on to the end without a stop
A variable of one of these names is shown by: p data"""


class Prompt(pdb.Pdb):
    """pdb, with commands about the run."""

    def __init__(self, stopper: "Stopper", stdin: TextIO | None, stdout: TextIO | None) -> None:
        super().__init__(stdin=stdin, stdout=stdout, nosigint=True)
        self.prompt = "(workflow) "
        self.stopper = stopper
        self.reset()

    def ask(self, frame: FrameType | None, traceback: TracebackType | None = None) -> None:
        """Stop in this frame, or where this was raised; return when the code is to go on."""
        sys.settrace(None)  # pdb itself is not to be traced
        self.botframe = None if frame is None else _caller(frame)
        self.interaction(frame, traceback)
        if self.quitting or frame is None:
            return
        steps = self.stoplineno != -1 or bool(self.breaks)
        while steps and frame is not None and frame is not self.botframe:
            frame.f_trace = self.trace_dispatch
            frame = frame.f_back
        if steps:
            sys.settrace(self.trace_dispatch)

    def stop_here(self, frame: FrameType) -> bool:
        """Stop in the workflow's code and in what it calls, not in the engine and what that calls."""
        return super().stop_here(frame) and _caller(frame) is not None

    def do_next(self, arg: str) -> Any:
        """next: the next line. next operation: go on to the next operation of the run."""
        if arg.strip() in ("operation", "op"):
            return self.do_continue("")
        return super().do_next(arg)

    do_n = do_next

    def do_operation(self, arg: str) -> Any:
        """operation: show the operation again. operation N: go on to position N without a stop."""
        if not arg.strip():
            self.stopper.show()
            return None
        if not arg.strip().isdecimal():
            self.error("operation N: give the number of a position")
            return None
        self.stopper.until = int(arg)
        return self.do_continue("")

    do_op = do_operation

    def do_history(self, arg: str) -> None:
        """history: all lines of the run's history. history N: those of position N, whole."""
        self.stopper.show_history(arg.strip())

    def do_data(self, arg: str) -> None:
        """data: what the run keeps here for readers outside."""
        self.stopper.show_data()

    def do_end(self, arg: str) -> Any:
        """end: go on to the end of the replay without a stop."""
        self.stopper.until = sys.maxsize
        return self.do_continue("")


def _caller(frame: FrameType) -> FrameType | None:
    """Return the frame that has called the workflow's function; None: this is not below that, or below
    the engine again."""
    above: FrameType | None = frame
    while above is not None and not is_engine(above):
        above = above.f_back
    is_caller = above is not None and above.f_globals.get("__name__") == CALLER
    return above if is_caller else None


class Stopper(Transcript):
    """Tells of each operation and stops there, also where code and history part."""

    def __init__(
        self,
        found: FoundRun,
        say: Say,
        *,
        until: int | None = None,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
    ) -> None:
        super().__init__(found, say, until=until)
        self._prompt = Prompt(self, stdin, stdout)
        self._tracing = sys.gettrace()
        self._stop: Stop | None = None
        self._session: Session | None = None

    def before(self, stop: Stop, session: Session) -> None:
        """Show an operation, and ask."""
        self._stop, self._session = stop, session
        if self._prompt.quitting:
            raise session.unwind(QuitWatching())
        if self.until is not None and stop.position < self.until:
            return
        self.tell(stop)
        self._ask(session, stop.frame)

    def unwound(self, why: BaseException, stop: Stop | None, session: Session) -> None:
        """Say why the code gets no further, and ask there."""
        if stop is not None and self.until is not None and stop.position < self.until:
            self.tell(stop)
        super().unwound(why, stop, session)
        frame = None if stop is None else stop.frame
        if frame is not None and not self._prompt.quitting:
            self._prompt.ask(frame)

    def over(self, session: Session, retraced: Retraced) -> None:
        """Stop where the code has raised."""
        sys.settrace(self._tracing)
        self._prompt.clear_all_breaks()  # which all debuggers of a process share
        if self._prompt.quitting:
            self.is_told, self.is_through = True, False
            return
        was_told = self.is_told
        super().over(session, retraced)
        raised = retraced[1]
        if raised is not None and raised.__traceback__ is not None and not was_told:
            self._prompt.ask(None, raised.__traceback__)
            sys.settrace(self._tracing)

    def show(self) -> None:
        """Show the operation at hand again."""
        if self._stop is not None:
            self.tell(self._stop)

    def show_history(self, position: str) -> None:
        """Show the lines of a position; "": all lines."""
        since = self.found.recorded.created_at
        for entry in self.found.recorded.entries:
            if not position or str(entry.position) == position:
                where = "run" if entry.position is None else f"position {entry.position}"
                self.say(f"{where}: {told_line(entry, since, whole=bool(position))}")

    def show_data(self) -> None:
        """Show what the run keeps, as far as the code has come."""
        if self._session is not None:
            notes = self._session.notes
            self.say(f"data {notes.data.values}")
            self.say(f"attributes {notes.attributes.values}")

    def _ask(self, session: Session, frame: FrameType | None) -> None:
        if frame is None:  # behind the end of the code
            return
        self._prompt.ask(frame)
        if self._prompt.quitting:
            raise session.unwind(QuitWatching())


class Attached(Transcript):
    """Tells of each operation and stops in the debugger that is attached, by breakpoint()."""

    def before(self, stop: Stop, session: Session) -> None:
        """Show an operation, and stop: one frame above this one is the engine's, then the workflow's."""
        if self.until is None or stop.position >= self.until:
            self.tell(stop)
            breakpoint()


def is_attached() -> bool:
    """Say whether breakpoint() means another debugger than pdb here."""
    hook: Callable[..., Any] = sys.breakpointhook
    named = os.environ.get("PYTHONBREAKPOINT", "")
    return hook is not sys.__breakpointhook__ or named not in ("", "0", "pdb.set_trace")
