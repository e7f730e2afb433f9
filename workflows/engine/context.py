"""What workflow code may call. Everything durable goes through here."""

import logging
import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, ParamSpec, TypeVar, overload

from workflows.actions import Actions
from workflows.conf import conf
from workflows.core.codec import is_name
from workflows.core.decide import Operation, event_names, find_outcome, pass_unrecorded
from workflows.core.errors import (
    ContinueAsNew,
    DefinitionError,
    Drain,
    InvalidInput,
    LeaseLost,
    ReplayMismatch,
    ValueNotStorable,
)
from workflows.core.failure import storable
from workflows.core.graph import check_graph
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import Event, Fact
from workflows.core.waits import sensible_moment, sensible_seconds
from workflows.engine import waiting
from workflows.engine.attempt import Job, attempt_step, note_done, step_failed, step_key
from workflows.engine.children import ChildHandle, Woken, describe_child, start_child
from workflows.engine.current import current_step
from workflows.engine.parallel import Call, OnError, Output, group_fact, run_calls
from workflows.engine.session import Session
from workflows.registry import StepDefinition, step_definition, workflow_definition
from workflows.store import steps as store
from workflows.store.heartbeats import show_progress
from workflows.store.steps import to_json

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

    @property
    def data(self) -> dict[str, Any]:
        """A small mapping for readers outside (RunView.data), stored with the next record.

        Set by the code, the same way at every replay; JSON values only.
        """
        return self._session.data.values

    @property
    def attributes(self) -> dict[str, Any]:
        """Like data, but searchable: list_runs(attributes={"order": 7})."""
        return self._session.attributes.values

    @property
    def actions(self) -> Actions:
        """Registered actions by name: run.actions.send_invoice_email(recipient=…)."""
        return Actions(lambda step, parameters: self._step(step, (), parameters))

    def step(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a step once and return its result; a replay returns the recorded one.

        A failed attempt is followed by others as the step's retry policy says; the run is parked
        meanwhile. Raises StepFailed when the step has failed for good.
        """
        return self._step(step_definition(function), args, kwargs)  # type: ignore[no-any-return]

    def _step(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        session = self._session
        result = step.signature.result  # a wrong annotation is told before the step runs
        position, outcome = self._operation(Operation("step", step.name))
        job = Job(position=position, step=step, args=args, kwargs=kwargs)
        if outcome is None:
            return attempt_step(session, job)
        if outcome.kind == HistoryKind.STEP_FAILED:
            raise step_failed(step.name, outcome.data)
        try:
            output = result.from_plain(outcome.data["output"])
        except ValueNotStorable as exc:
            recorded = f"step {step.name!r} with another result ({exc})"
            asked = f"step {step.name!r}"
            raise session.end(ReplayMismatch(position, asked, recorded)) from None
        note_done(session, job, output)
        return output

    def call(
        self, function: Callable[..., Any], /, *args: Any, after: Sequence[str] = (), **kwargs: Any
    ) -> Call:
        """Return a step with its arguments, for gather and graph. after: names in a graph."""
        definition = step_definition(function)
        return Call(step=definition, args=args, kwargs=kwargs, after=tuple(after))

    def output(self, name: str) -> Output:
        """Stand for the result of another call of the same graph, in a call's arguments."""
        return Output(name=name)

    def gather(self, *calls: Call, limit: int = 8, on_error: OnError = "stop") -> list[Any]:
        """Run steps at once, at most limit of them, in threads of this worker; return the results
        in the order of the calls.

        on_error  "stop": nothing more starts after a failure, and StepFailed is raised once what
                  runs has ended. "compensate": also, the completed ones are undone first.
                  "continue": all run; a failed one has its StepFailed in the place of the result.
        Each thread has a database connection of its own.
        """
        named = {str(number): call for number, call in enumerate(calls)}
        results = self._group(named, limit, on_error)
        return [results[name] for name in named]

    def graph(
        self, calls: Mapping[str, Call], *, limit: int = 8, on_error: OnError = "stop"
    ) -> dict[str, Any]:
        """Run steps by their dependencies, as parallel as these allow; return results by name.

        A call made with after=["a"] starts when a has completed; run.output("a") among its
        arguments stands for a's result. What depends on a failed call is not run: with
        on_error="continue" its result is missing. Raises DefinitionError for a cycle.
        """
        check_graph({name: call.after for name, call in calls.items()})
        return self._group(dict(calls), limit, on_error)

    def _group(self, calls: dict[str, Call], limit: int, on_error: OnError) -> dict[str, Any]:
        if limit < 1 or on_error not in ("stop", "continue", "compensate"):
            raise DefinitionError("limit is 1 or more; on_error is stop, continue or compensate")
        session = self._session
        names = [call.step.name for call in calls.values()]
        position, outcome = self._operation(Operation("group", ", ".join(names)))
        if outcome is None:
            self._append(group_fact(position, names))
        session.position += len(calls)
        return run_calls(session, position + 1, calls, limit=limit, on_error=on_error)

    def start_child(
        self, workflow: Callable[..., Any], /, *, detached: bool = False, **input: Any
    ) -> ChildHandle:
        """Start a child run, once for this position; return its handle.

        The parent ends after its children; cancelling it cancels them, and so does its failure.
        detached=True lets the child live on its own.
        """
        position, outcome = self._operation(Operation("child", workflow_definition(workflow).name))
        child = describe_child(self._session, position, workflow, detached)
        if outcome is None:
            start_child(self._session, position, child, input)
        if not detached:
            self._session.children.append(child.id)
        return ChildHandle(child, self._session.ends, self._wait)

    def map(
        self,
        workflow: Callable[..., Any],
        inputs: Iterable[Mapping[str, Any]],
        *,
        limit: int | None = None,
    ) -> list[Any]:
        """Start a child for each input, spread over the fleet; return the results in order.

        limit: at most so many at once; None: all. Raises ChildFailed for the first, in order,
        that failed.
        """
        waiting: list[ChildHandle] = []
        results: list[Any] = []
        for given in inputs:
            if limit is not None and len(waiting) >= limit:
                results.append(waiting.pop(0).result())
            waiting.append(self.start_child(workflow, **given))
        return results + [child.result() for child in waiting]

    def wait_any(
        self,
        *,
        event: str | Sequence[str] = (),
        child: ChildHandle | Sequence[ChildHandle] = (),
        seconds: float | None = None,
    ) -> Woken:
        """Wait for whichever comes first: an event, the end of a child, or a time."""
        handles = [child] if isinstance(child, ChildHandle) else list(child)
        for handle in handles:
            if handle.has_ended:
                return Woken(by="child", child=handle)
        by_event = {handle.event: handle for handle in handles}
        names = (*event_names(event), *by_event) if event else tuple(by_event)
        if not names and seconds is None:
            raise DefinitionError("wait_any(): give an event, a child or a number of seconds")
        outcome = self._wait(names, seconds)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return Woken(by="time")
        if outcome.name in by_event:
            return Woken(by="child", child=by_event[outcome.name])
        return Woken(by="event", event=Event(outcome.name, outcome.data["payload"]))

    def patched(self, patch: str) -> bool:
        """Say whether this run takes the code after a change (True) or before it (False).

        A run that had passed this place before the change was deployed keeps to the old code:
        `if run.patched("check-twice"): …`. Remove the old branch once its runs have ended.
        """
        session = self._session
        if session.ending is not None:
            raise session.ending
        entry = session.history.begun(session.position + 1)
        is_taken = entry is not None and (entry.kind, entry.name) == (
            HistoryKind.PATCH_TAKEN,
            patch,
        )
        if not is_taken and session.history.last_position > session.position:
            return False
        position, outcome = self._operation(Operation("patch", patch))
        if outcome is None:
            self._append(Fact(kind=HistoryKind.PATCH_TAKEN, position=position, name=patch))
        return True

    def continue_as_new(self, **input: Any) -> NoReturn:
        """End this run and go on as a new one with another input and an empty history.

        For loops without an end. Events not consumed yet and the place among a parent's children
        go over to the new run; its id is RunView.continued_as.
        """
        try:
            signature = self._session.definition.signature
            text = signature.encode_input(input, max_bytes=conf().max_payload_bytes)
        except (TypeError, ValueNotStorable) as exc:
            raise InvalidInput(f"continue_as_new: {exc}") from None
        self.join()
        self._session.before_new()
        raise self._session.end(ContinueAsNew(text))

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Show how far the run is (RunView.progress). Leaves no line in history."""
        session = self._session
        if session.ending is not None:
            raise session.ending
        if session.only_replay or session.position < session.history.last_position:
            return
        text = to_json({"done": done, "total": total, "note": storable(note, 500)})
        with session.guarded():
            if not show_progress(session.run, text):
                raise session.end(LeaseLost())

    def join(self) -> None:
        """Wait until every child has ended that is not detached. Called at the end by itself."""
        for child_id in self._session.children:
            if child_id not in self._session.ends:
                self._wait((f"child:{child_id}",), None)

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
        outcome = self._wait(names, timeout_seconds)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return None
        payload = outcome.data["payload"]
        return payload if isinstance(name, str) else Event(outcome.name, payload)

    def _wait(self, names: tuple[str, ...], seconds: float | None) -> HistoryEntry:
        position, outcome = self._operation(Operation("wait", ", ".join(sorted(names))))
        if outcome is None:
            outcome = waiting.wait_event(self._session, position, names, seconds)
        if outcome.name.startswith("child:"):
            child_id = uuid.UUID(outcome.name.removeprefix("child:"))
            self._session.ends[child_id] = outcome.data["payload"]
        return outcome

    def _append(self, fact: Fact) -> None:
        session, notes = self._session, self._session.notes()
        with session.guarded():
            written = store.append(session.run, fact, notes=notes)
        session.take_in(written)
        session.kept(notes)

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
            session, notes = self._session, self._session.notes()
            with session.guarded():
                written = store.set_status(session.run, position, label, notes=notes)
            session.take_in(written)
            session.kept(notes)

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
            return position, outcome
        session.before_new()
        if session.stopping():
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
