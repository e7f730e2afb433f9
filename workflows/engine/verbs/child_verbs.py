"""The context's verbs for children."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from workflows.core.codec import is_name
from workflows.core.decide import Operation, event_names
from workflows.core.errors import ChildFailed, DefinitionError
from workflows.core.history import HistoryKind
from workflows.core.idempotency_key import Receiver
from workflows.core.kept_children import KeptChild
from workflows.core.lines import CHILD_EVENT
from workflows.core.priority import check_priority
from workflows.core.signature import Signature
from workflows.core.time_checks import sensible_seconds
from workflows.definitions.workflow import Workflow, WorkflowDefinition, workflow_definition
from workflows.engine.children.child_run import (
    ChildHandle,
    Woken,
    describe_child,
    encode_child_input,
    kept_child,
    start_child,
)
from workflows.engine.groups.group import check_group_limit
from workflows.engine.verbs.event_verbs import Waits
from workflows.engine.verbs.start_child import ChildCall, ChildOptions, MakeChildCall, StartChild

R = TypeVar("R")
Inputs = Iterable[Mapping[str, Any]]
Stop = Literal["stop"]
GoOn = Literal["continue"]


class Family(Waits):
    """Children, and waiting for whichever comes first."""

    __slots__ = ()

    child = MakeChildCall()
    """A workflow with its input, for map: run.child(workflow, **input)."""

    @property
    def start_child(self) -> StartChild:
        """Start a child run: run.start_child(workflow, **input)."""
        return StartChild(self._start_child)

    def _start_child(
        self, workflow: Any, given: tuple[Any, ...], input: dict[str, Any], options: ChildOptions
    ) -> ChildHandle[Any]:
        definition, detached = workflow_definition(workflow), options.detached
        if not isinstance(detached, bool):
            raise DefinitionError(f"start_child: detached is {detached!r:.80}; give True or False")
        if options.priority is not None:
            check_priority("start_child", options.priority)
        named = self._with_keys(definition.name, definition.by_name(given, input))
        encoded = encode_child_input(self._session, definition, named)
        position, outcome = self._take(Operation("child", definition.name))
        child = describe_child(self._session, position, definition, detached, options.priority)
        if outcome is None:
            _refuse_subjects(definition)
            start_child(self._session, position, child, encoded)
        handle = ChildHandle[Any](child, self._session.child_ends, self._wait)
        if not detached:
            self._session.children.append(child.id)
            self._session.child_handles.append(handle)
        return handle

    def children(self) -> list[ChildHandle[Any]]:
        """Return the children that the code has started so far and that are not detached, in order; those
        of map as well, and before them those that the run has by continue_as_new(keep_children=True).
        It costs nothing."""
        self._refuse_elsewhere()
        return list(self._session.child_handles)

    def _take_over_children(self) -> None:
        """Begin with the children that the run has from the one before it in its chain."""
        session = self._session
        for kept in session.history.kept_children:
            child = kept_child(session, kept)
            session.children.append(child.id)
            session.child_handles.append(ChildHandle[Any](child, session.child_ends, self._wait))

    def _kept(self, input: dict[str, Any], signature: Signature) -> list[KeptChild] | None:
        """Take keep_children out of what continue_as_new was given. Returns the children that go along;
        None: they are waited for. Raises DefinitionError."""
        if "keep_children" not in input or signature.takes("keep_children"):
            return None
        keep = input.pop("keep_children")
        if not isinstance(keep, bool):
            raise DefinitionError(
                f"continue_as_new: keep_children is {keep!r:.80}; give True or False"
            )
        going = [child for child in self._session.child_handles if not child.has_ended]
        return [KeptChild(child.id, child.workflow) for child in going] if keep else None

    def _with_keys(self, child: str, input: dict[str, Any]) -> dict[str, Any]:
        """Return the input of the child that comes next: its key takes the place of readings."""
        session = self._session
        position = session.position + 1
        receiver = Receiver(
            name=f"child {child!r}",
            position=position,
            as_before=session.history.begun(position) is not None,
        )
        return session.keys.given_to(receiver, input)[0]

    @overload
    def map(
        self,
        children: Iterable[ChildCall[R]],
        /,
        *,
        limit: int | None = ...,
        priority: int | None = ...,
        on_error: Stop = ...,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        children: Iterable[ChildCall[R]],
        /,
        *,
        limit: int | None = ...,
        priority: int | None = ...,
        on_error: GoOn,
    ) -> list[R | ChildFailed]: ...
    @overload
    def map(
        self,
        workflow: Workflow[..., R],
        inputs: Inputs,
        *,
        limit: int | None = ...,
        priority: int | None = ...,
        on_error: Stop = ...,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        workflow: Workflow[..., R],
        inputs: Inputs,
        *,
        limit: int | None = ...,
        priority: int | None = ...,
        on_error: GoOn,
    ) -> list[R | ChildFailed]: ...
    @overload
    def map(
        self,
        workflow: str,
        inputs: Inputs,
        *,
        limit: int | None = ...,
        priority: int | None = ...,
        on_error: Stop | GoOn = ...,
    ) -> list[Any]: ...
    def map(
        self,
        workflow: Any,
        inputs: Inputs | None = None,
        *,
        limit: int | None = None,
        priority: int | None = None,
        on_error: Stop | GoOn = "stop",
    ) -> list[Any]:
        """Start a child for each input, spread over the fleet; return the results in order.

        Give the children, run.map([run.child(invoice, customer=each) for each in customers]),
        whose input type checkers hold to the workflow's parameters; or the workflow and a
        dictionary of its parameters for each, which they cannot.
        limit     at most so many at once; None: all
        priority  of the children; None: their parent's
        on_error  "stop": raises ChildFailed for the first, in order, that failed; no more are
                  started, the others go on, and end before the parent does. "continue": all run;
                  one that failed has its ChildFailed in the place of the result.
        """
        if limit is not None:
            check_group_limit(limit)
        if on_error not in ("stop", "continue"):
            raise DefinitionError(f'map: on_error is {on_error!r}; give "stop" or "continue"')
        end = _result_or_failure if on_error == "continue" else ChildHandle.result
        options = ChildOptions(priority=priority)
        waiting: list[ChildHandle[Any]] = []
        results: list[Any] = []
        for each in _children(workflow, inputs):
            if limit is not None and len(waiting) >= limit:
                results.append(end(waiting.pop(0)))
            waiting.append(self._start_child(each.workflow, each.given, each.input, options))
        return results + [end(child) for child in waiting]

    def wait_any(
        self,
        *,
        event: str | Sequence[str] = (),
        child: ChildHandle[Any] | Sequence[ChildHandle[Any]] = (),
        seconds: float | None = None,
    ) -> Woken:
        """Wait for whichever comes first: an event, the end of a child, or a time."""
        handles = [child] if isinstance(child, ChildHandle) else child
        if not isinstance(handles, list | tuple) or not all(
            isinstance(each, ChildHandle) for each in handles
        ):
            raise DefinitionError(f"wait_any(child={child!r:.80}): give what start_child returned")
        for handle in handles:
            if handle.has_ended:
                return Woken(by="child", child=handle)
        by_event = {handle.event: handle for handle in handles}
        names = (*event_names(event), *by_event) if event else tuple(by_event)
        if not names and seconds is None:
            raise DefinitionError("wait_any(): give an event, a child or a number of seconds")
        names = self._session.keys.settled(names, "wait_any")
        if seconds is not None:
            seconds = sensible_seconds("wait_any", seconds)
        if not all(is_name(each) for each in names):
            raise DefinitionError(f"wait_any(event={event!r}): give a name, or several")
        types = self._types(names)
        outcome = self._wait(names, seconds, types)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return Woken(by="time")
        if outcome.name in by_event:
            return Woken(by="child", child=by_event[outcome.name])
        return Woken(by="event", event=self._received(outcome, types))

    def join(self) -> None:
        """Wait until every child has ended that is not detached. Called at the end by itself."""
        for child_id in self._session.children:
            if child_id not in self._session.child_ends:
                self._wait((f"{CHILD_EVENT}{child_id}",), None)


def _result_or_failure(child: ChildHandle[R]) -> R | ChildFailed:
    try:
        return child.result()
    except ChildFailed as failed:
        return failed


def _children(workflow: Any, inputs: Inputs | None) -> list[ChildCall[Any]]:
    """Return what map is to start. Raises DefinitionError before anything is."""
    if inputs is None:
        if callable(workflow) or isinstance(workflow, str):
            raise DefinitionError("map: give the workflow's inputs, a dictionary for each child")
        children = _listed(workflow, "the children", "[run.child(workflow, …), …]")
        for each in children:
            if not isinstance(each, ChildCall):
                told = "give run.child(workflow, …) for each"
                raise DefinitionError(f"map: a child is {each!r:.80}; {told}")
        return children
    given = _listed(inputs, "the inputs", "a list of dictionaries")
    for each in given:
        if not isinstance(each, Mapping) or not all(isinstance(name, str) for name in each):
            raise DefinitionError(
                f"map: an input is {each!r:.80}; give a dictionary of the workflow's parameters"
            )
    return [ChildCall(workflow=workflow, given=(), input=dict(each)) for each in given]


def _listed(given: Any, what: str, instead: str) -> list[Any]:
    if not isinstance(given, Iterable):
        raise DefinitionError(f"map: {what} are {given!r:.80}; give {instead}")
    return list(given)


def _refuse_subjects(definition: WorkflowDefinition) -> None:
    """A child without a subject would be a second run beside the one that its subject has."""
    if definition.one_per_subject:
        raise DefinitionError(
            f"child {definition.name!r}: it has one run for each subject, and a child has none; start it "
            "by a step: start.using(subject=…)(…)"
        )
