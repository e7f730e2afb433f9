"""Children: start one, wait for it, spread inputs over the fleet."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from workflows.core.errors import ChildFailed, ReplayError, UnknownWorkflow, WaitTimedOut
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.kept_children import KeptChild
from workflows.core.lines import CHILD_EVENT, ChildEnd, child_started, started_child
from workflows.core.run import Event
from workflows.core.signature import Input
from workflows.core.states import RunState
from workflows.core.time_checks import sensible_seconds
from workflows.core.unwind import LeaseLost
from workflows.definitions.workflow import WorkflowDefinition, workflow_definition
from workflows.engine import announcements
from workflows.engine.requests.new_run import encode_input, new_run
from workflows.engine.session.session import Session
from workflows.store import children as store

R_co = TypeVar("R_co", covariant=True)
Ends = dict[uuid.UUID, ChildEnd]
Wait = Callable[[tuple[str, ...], float | None], HistoryEntry]


class RaisedInChild(Exception):
    """The cause of a ChildFailed: what the child had raised, in another run; its traceback is a
    note."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A child run as its parent knows it."""

    id: uuid.UUID
    definition: WorkflowDefinition
    detached: bool
    priority: int

    @property
    def event(self) -> str:
        """The event by which its end arrives."""
        return f"{CHILD_EVENT}{self.id}"


def encode_child_input(
    session: Session, definition: WorkflowDefinition, given: dict[str, Any]
) -> Input:
    """Return the input of the child that is started next. Raises InvalidInput."""
    begun = session.history.begun(session.position + 1)
    is_known = begun is not None and begun.kind == HistoryKind.CHILD_STARTED
    whose = f"input of child {definition.name!r}"
    return encode_input(definition.signature, given, whose=whose, is_known=is_known)


def describe_child(
    session: Session,
    position: int,
    definition: WorkflowDefinition,
    detached: bool,
    priority: int | None,
) -> Child:
    """Return the child of this position: its id is the same at every replay, and the recorded one where
    that is another release's. priority: None for its parent's."""
    recorded = session.history.outcome(position)
    known = None if recorded is None else started_child(recorded)
    return Child(
        id=known or uuid.uuid5(session.id_at(position), f"child:{position}"),
        definition=definition,
        detached=detached,
        priority=session.run.priority if priority is None else priority,
    )


def kept_child(session: Session, kept: KeptChild) -> Child:
    """Return a child that the run has from the one before it in its chain. Where its code is missing, the
    run waits for that: blocked."""
    try:
        definition = workflow_definition(kept.workflow)
    except UnknownWorkflow as unknown:
        raise session.unwind(ReplayError(f"its child {kept.id}: {unknown}")) from None
    return Child(id=kept.id, definition=definition, detached=False, priority=session.run.priority)


def start_child(session: Session, position: int, child: Child, input: Input) -> None:
    """Create the child's run and record it, in one statement."""
    definition = child.definition
    fact = child_started(position, definition.name, child.id, detached=child.detached)
    new = new_run(
        definition,
        input,
        id=child.id,
        deadline_seconds=definition.deadline_seconds,
        detached=child.detached,
        priority=child.priority,
        tenant=session.run.tenant,
        baggage=session.run.baggage,
    )
    written = session.offer(lambda notes: store.start_child(session.run, fact, new, notes=notes))
    if written is None:
        session.look_again()
        raise session.unwind(LeaseLost())
    announcements.run_started(
        child.id, definition.name, definition.version, parent_id=session.run.id
    )
    session.take_in(written)


class ChildHandle(Generic[R_co]):
    """A child run, as its parent's code holds it. R_co: what it returns, for type checkers."""

    def __init__(self, child: Child, ends: Ends, wait: Wait) -> None:
        self._child, self._ends, self._wait = child, ends, wait

    @property
    def id(self) -> uuid.UUID:
        """The child run's id."""
        return self._child.id

    @property
    def workflow(self) -> str:
        """The name of its workflow."""
        return self._child.definition.name

    @property
    def event(self) -> str:
        """The event by which its end arrives."""
        return self._child.event

    @property
    def has_ended(self) -> bool:
        """Whether the code has seen it end."""
        return self.id in self._ends

    def result(self, timeout_seconds: float | None = None) -> R_co:
        """Wait for the child, holding nothing, and return what it returned.

        Raises ChildFailed when it failed or was cancelled, WaitTimedOut when the time passes first.
        """
        if timeout_seconds is not None:
            timeout_seconds = sensible_seconds("result", timeout_seconds)
        if not self.has_ended:
            outcome = self._wait((self.event,), timeout_seconds)
            if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
                raise WaitTimedOut(f"child {self.id} did not end within {timeout_seconds:g} s")
        return cast(R_co, _result(self._child, self._ends[self.id]))


@dataclass(frozen=True, kw_only=True)
class Woken:
    """What ended a wait_any."""

    by: Literal["event", "child", "time"]
    event: Event | None = None
    child: ChildHandle[Any] | None = None


def _result(child: Child, end: ChildEnd) -> Any:
    if end.state == RunState.COMPLETED:
        return child.definition.signature.result.from_plain(end.output)
    error = end.error or {"type": "", "message": ""}
    failed = ChildFailed(
        child.definition.name,
        str(child.id),
        end.state.value,
        error["type"],
        error["message"],
        error.get("kind", ""),
    )
    raise failed from _raised(failed.cause, error.get("traceback", ""))


def _raised(cause: str, traceback: str) -> RaisedInChild | None:
    if not cause:
        return None
    raised = RaisedInChild(cause)
    if traceback:
        raised.add_note(traceback)
    return raised
