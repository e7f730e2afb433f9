"""What workflow code may call. Everything durable goes through here."""

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, overload

from workflows.core.codec import is_name
from workflows.core.decide import Operation, event_names, find_outcome, pass_unrecorded
from workflows.core.errors import DefinitionError, Drain, ReplayMismatch, ValueNotStorable
from workflows.core.failure import storable
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import Event
from workflows.core.waits import sensible_moment, sensible_seconds
from workflows.engine import waiting
from workflows.engine.attempt import attempt_step, current_step, step_failed, step_key
from workflows.engine.session import Session
from workflows.registry import step_definition
from workflows.store import steps as store

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("workflows.run")


class Context:
    """The first argument of every workflow function.

    Each durable operation takes the next position of the run. A position that history knows
    returns what was recorded; a new one happens now. Whatever a workflow needs from the world
    (clock, chance, ids, events, effects) goes through these methods, or a replay would differ.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.log = _QuietLogger(session)
        """A logger that says nothing while the run is being replayed."""

    @property
    def run_id(self) -> uuid.UUID:
        """The run's id."""
        return self._session.run.id

    @property
    def idempotency_key(self) -> str:
        """The key of the next operation: the same at every attempt and after every crash.

        Hand it to the outside world along with the step: `run.step(charge, key=run.idempotency_key)`.
        Inside a step, `current_step().idempotency_key` is the same value.
        """
        return step_key(self._session, self._session.position + 1)

    def step(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a step once and return its result; a replay returns the recorded one.

        A failed attempt is followed by others as the step's retry policy says; the run is parked
        meanwhile. Raises StepFailed when the step has failed for good.
        """
        definition = step_definition(function)
        result = definition.signature.result  # a wrong annotation is told before the step runs
        session = self._session
        position, outcome = self._operation(Operation("step", definition.name))
        if outcome is None:
            call = _Call(function, args, kwargs)
            return attempt_step(session, position, definition, call)  # type: ignore[no-any-return]
        if outcome.kind == HistoryKind.STEP_FAILED:
            raise step_failed(definition.name, outcome.data)
        try:
            return result.from_plain(outcome.data["output"])  # type: ignore[no-any-return]
        except ValueNotStorable as exc:
            recorded = f"step {definition.name!r} with another result ({exc})"
            asked = f"step {definition.name!r}"
            raise session.end(ReplayMismatch(position, asked, recorded)) from None

    @overload
    def wait_event(self, name: str, *, timeout_seconds: float | None = None) -> Any: ...
    @overload
    def wait_event(
        self, name: Sequence[str], *, timeout_seconds: float | None = None
    ) -> Event | None: ...
    def wait_event(self, name: str | Sequence[str], *, timeout_seconds: float | None = None) -> Any:
        """Wait for an event; the run holds nothing but its row meanwhile.

        With one name: returns the payload, or None when timeout_seconds pass first. With several:
        returns the Event (name, payload) that came first, or None. Events sent before the wait
        are kept for it, oldest first. timeout_seconds=None waits as long as it takes.
        """
        names = event_names(name)
        if not names or not all(is_name(each) for each in names):
            raise DefinitionError(f"wait_event({name!r}): give a name, or several")
        if timeout_seconds is not None:
            timeout_seconds = sensible_seconds("wait_event", timeout_seconds)
        position, outcome = self._operation(Operation("wait", ", ".join(sorted(names))))
        if outcome is None:
            outcome = waiting.wait_event(self._session, position, names, timeout_seconds)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return None
        payload = outcome.data["payload"]
        return payload if isinstance(name, str) else Event(outcome.name, payload)

    def sleep(self, seconds: float) -> None:
        """Wait for a time; the run holds nothing but its row. Never ends early."""
        seconds = sensible_seconds("sleep", seconds)
        position, outcome = self._operation(Operation("sleep"))
        if outcome is None:
            waiting.sleep(self._session, position, seconds=seconds)

    def sleep_until(self, moment: datetime) -> None:
        """Wait until an aware time has come, by the database's clock."""
        moment = sensible_moment("sleep_until", moment)
        position, outcome = self._operation(Operation("sleep"))
        if outcome is None:
            waiting.sleep(self._session, position, until=moment)

    def set_status(self, label: str) -> None:
        """Set the label that people see on the run, at once. Up to 500 characters."""
        if not isinstance(label, str):
            raise DefinitionError(f"set_status: {label!r} is no text")
        label = storable(label, 500)
        position, outcome = self._operation(Operation("status", label))
        if outcome is None:
            with self._session.guarded():
                written = store.set_status(self._session.run, position, label)
            self._session.take_in(written)

    def now(self) -> datetime:
        """Return the time of the last thing the run recorded (its creation, before any).

        It costs nothing and is the same at every replay; code between two operations takes no
        time worth telling.
        """
        self._unrecorded("now")
        return self._session.now

    def uuid(self) -> uuid.UUID:
        """Return a fresh id, the same at every replay (RFC 9562, version 5)."""
        return uuid.uuid5(self.run_id, f"uuid:{self._unrecorded('uuid')}")

    def random(self) -> float:
        """Return a number from 0 up to 1, the same at every replay. Not for secrets."""
        return random.Random(f"{self.run_id}:{self._unrecorded('random')}").random()  # noqa: S311

    def _operation(self, asked: Operation) -> tuple[int, HistoryEntry | None]:
        """Take the next position; return what history has there."""
        session = self._session
        position = self._next_position()
        try:
            outcome = find_outcome(session.history, position, asked)
        except ReplayMismatch as mismatch:
            raise session.end(mismatch) from None
        if outcome is not None:
            session.now = outcome.at
        elif session.stopping():
            raise session.end(Drain())
        return position, outcome

    def _next_position(self) -> int:
        inside = current_step()
        if inside is not None:
            raise DefinitionError(
                f"a step cannot use the run; return from {inside.name!r} and let the workflow go on"
            )
        return self._session.next_position()

    def _unrecorded(self, what: str) -> int:
        position = self._next_position()
        try:
            pass_unrecorded(self._session.history, position, Operation(what))
        except ReplayMismatch as mismatch:
            raise self._session.end(mismatch) from None
        return position


class _Call:
    """A step's function with its arguments."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs

    def __call__(self) -> Any:
        return self._function(*self._args, **self._kwargs)


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Silent while replaying; each line carries the run's id and workflow."""

    def __init__(self, session: Session) -> None:
        extra = {"run_id": str(session.run.id), "workflow": session.run.workflow}
        super().__init__(logger, extra)
        self._session = session

    def isEnabledFor(self, level: int) -> bool:
        replaying = self._session.position < self._session.history.last_position
        return not replaying and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f"{self._session.run.workflow} {self._session.run.id}: {msg}", super().process(
            msg, kwargs
        )[1]
