"""Replay a run and tell somebody of each operation before it is answered. Nothing new happens.

The engine's own replay, with a session and a context that tell; drives do not pay for it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Any, NoReturn, Protocol

from workflows.core.decide import Operation
from workflows.core.history import HistoryEntry
from workflows.core.payload_type import NO_TYPES, PayloadType
from workflows.core.unwind import Unwind
from workflows.definitions.step import StepDefinition
from workflows.engine.drive.workflow_code import Retraced, retrace
from workflows.engine.groups.group import Call, OnError, Results
from workflows.engine.replay_check import Difference, Recorded, replay
from workflows.engine.session.session import Session
from workflows.engine.verbs.context import Context

WATCHED_FROM = "workflows.engine.drive.workflow_code"
ENGINE = (
    *("workflows.engine.", "workflows.definitions.", "workflows.core.", "workflows.store."),
    *("contextlib", "functools"),
)
"""Modules between the workflow's code and who watches it."""


class QuitWatching(Unwind):
    """Who watches has seen enough."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The place before an operation."""

    position: int
    operation: Operation
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the code gives: a step's arguments, a child's input, a wait's time limit. Of a group: the
    arguments of each of its steps, by its name and place in it."""
    steps: tuple[str, ...] = ()
    """Of a group: its steps, in the order of their positions."""
    frame: FrameType | None = field(default=None, repr=False, compare=False)
    """Of the project's code that asks; None: the code is through, and its children are waited for."""


class Watcher(Protocol):
    """Who looks on. What it raises unwinds the code."""

    def before(self, stop: Stop, session: Session) -> None:
        """The code asks for this."""

    def unwound(self, why: BaseException, stop: Stop | None, session: Session) -> None:
        """The code gets no further, at this stop: history ends there, or tells another story."""

    def over(self, session: Session, retraced: Retraced) -> None:
        """The code has returned, has raised, or was unwound."""


class WatchedSession(Session):
    """Tells why the code gets no further."""

    def __init__(self, *args: Any, watcher: Watcher, **options: Any) -> None:
        self.watcher = watcher
        self.stop: Stop | None = None
        """Where the code is."""
        self._continues: Stop | None = None
        super().__init__(*args, **options)

    def unwind(self, why: BaseException) -> BaseException:
        is_first = self.unwinding is None
        super().unwind(why)
        if is_first and not isinstance(why, QuitWatching):
            self.watcher.unwound(why, self._stopped_at(), self)
        return why

    def _stopped_at(self) -> Stop | None:
        at, continues = self.stop, self._continues
        is_open = at is not None and self.history.outcome(at.position) is None
        return at if is_open or continues is None else continues

    def come_to(self, stop: Stop) -> None:
        """Tell of an operation, unless the code is unwinding already."""
        if self.unwinding is None:
            self.stop = stop
            self.watcher.before(stop, self)

    def continues_by(self, stop: Stop) -> None:
        """The code goes on as a new run, once its children have ended. That takes no position."""
        self.stop, self._continues = None, stop


class WatchedContext(Context):
    """Tells of each operation before it takes its position, with what the code gives."""

    __slots__ = ("_given", "_steps")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._given: dict[str, Any] = {}
        self._steps: tuple[str, ...] = ()

    def _take(
        self, asked: Operation, names: tuple[str, ...] = ()
    ) -> tuple[int, HistoryEntry | None]:
        self._tell(asked)
        return super()._take(asked, names)

    def _unrecorded(self, what: str) -> int:
        self._tell(Operation(what))
        return super()._unrecorded(what)

    def _tell(self, asked: Operation) -> None:
        session, given, steps = self._session, self._given, self._steps
        self._given, self._steps = {}, ()
        assert isinstance(session, WatchedSession)  # noqa: S101 - nothing else makes one
        stop = Stop(
            position=session.position + 1,
            operation=asked,
            given=given,
            steps=steps,
            frame=code_frame(),
        )
        session.come_to(stop)

    def _step(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._given = step.signature.named(args, kwargs)
        return super()._step(step, args, kwargs)

    def _on_end(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._given = step.signature.named(args, kwargs)
        super()._on_end(step, args, kwargs)

    def _group(self, calls: dict[str, Call[Any]], limit: int, on_error: OnError) -> Results:
        known = {name: call for name, call in calls.items() if isinstance(call, Call)}
        self._steps = tuple(call.step.name for call in known.values())
        self._given = {
            f"{call.step.name}[{name}]": call.step.signature.named(call.args, call.kwargs)
            for name, call in known.items()
        }
        return super()._group(calls, limit, on_error)

    def _start_child(self, workflow: Any, given: Any, input: Any, options: Any) -> Any:
        self._given = dict(input) | ({"*": given} if given else {})
        return super()._start_child(workflow, given, input, options)

    def _wait(
        self,
        names: tuple[str, ...],
        seconds: float | None,
        types: Mapping[str, PayloadType] = NO_TYPES,
    ) -> HistoryEntry:
        self._given = {} if seconds is None else {"timeout_seconds": seconds}
        return super()._wait(names, seconds, types)

    def send_event(self, run: Any, name: str, payload: Any = None, **options: Any) -> None:
        self._given = {"run": str(getattr(run, "id", run)), "payload": payload, **options}
        super().send_event(run, name, payload, **options)

    def sleep(self, seconds: float) -> None:
        self._given = {"seconds": seconds}
        super().sleep(seconds)

    def sleep_until(self, moment: datetime) -> None:
        self._given = {"moment": moment}
        super().sleep_until(moment)

    def continue_as_new(self, **input: Any) -> NoReturn:
        session = self._session
        assert isinstance(session, WatchedSession)  # noqa: S101 - as above
        session.continues_by(
            Stop(
                position=session.position + 1,
                operation=Operation("continue_as_new"),
                given=input,
                frame=code_frame(),
            )
        )
        super().continue_as_new(**input)


def watch(recorded: Recorded, watcher: Watcher) -> Difference | None:
    """Replay a history against the code at hand, and let the watcher look on. Returns what a replay
    without one would: None, or how they differ."""

    def watched(session: Session) -> Retraced:
        session.context_class = WatchedContext
        retraced = retrace(session)
        watcher.over(session, retraced)
        return retraced

    return replay(recorded, make_session=partial(WatchedSession, watcher=watcher), retrace=watched)


def code_frame() -> FrameType | None:
    """Return the frame of the project's code that has called the engine; None: none has."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == WATCHED_FROM:
            return None
        if not is_engine(frame):
            return frame
        frame = frame.f_back
    return None


def is_engine(frame: FrameType) -> bool:
    """Say whether this frame is the engine's, or lies between it and the workflow's code."""
    return str(frame.f_globals.get("__name__", "")).startswith(ENGINE)
