"""The context's verbs for children."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workflows.core.codec import is_name
from workflows.core.decide import Operation, event_names
from workflows.core.errors import DefinitionError
from workflows.core.history import HistoryKind
from workflows.core.line_fields import PAYLOAD
from workflows.core.lines import CHILD_EVENT
from workflows.core.run import Event
from workflows.core.time_checks import sensible_seconds
from workflows.definitions.workflow import workflow_definition
from workflows.engine.children.child_run import (
    ChildHandle,
    Woken,
    describe_child,
    encode_child_input,
    start_child,
)
from workflows.engine.verbs.positions import Operations


class Family(Operations):
    """Children, and waiting for whichever comes first."""

    __slots__ = ()

    def start_child(
        self, workflow: Callable[..., Any] | str, /, *, detached: bool = False, **input: Any
    ) -> ChildHandle:
        """Start a child run, once for this position; return its handle.

        The parent ends after its children; cancelling it cancels them, and so does its failure.
        detached=True lets the child live on its own.
        """
        definition = workflow_definition(workflow)
        encoded = encode_child_input(definition, input)
        position, outcome = self._take(Operation("child", definition.name))
        child = describe_child(self._session, position, definition, detached)
        if outcome is None:
            start_child(self._session, position, child, encoded)
        if not detached:
            self._session.children.append(child.id)
        return ChildHandle(child, self._session.child_ends, self._wait)

    def map(
        self,
        workflow: Callable[..., Any] | str,
        inputs: Iterable[Mapping[str, Any]],
        *,
        limit: int | None = None,
    ) -> list[Any]:
        """Start a child for each input, spread over the fleet; return the results in order.

        limit: at most so many at once; None: all. Raises ChildFailed for the first, in order,
        that failed; the others go on, and end before the parent does.
        """
        if limit is not None and limit < 1:
            raise DefinitionError(f"map: a limit of {limit}; give 1 or more, or None")
        all_given = list(inputs)
        for given in all_given:
            if not isinstance(given, Mapping):
                raise DefinitionError(
                    f"map: an input is {given!r:.80}; give a dictionary of the workflow's parameters"
                )
        waiting: list[ChildHandle] = []
        results: list[Any] = []
        for given in all_given:
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
        if seconds is not None:
            seconds = sensible_seconds("wait_any", seconds)
        if not all(is_name(each) for each in names):
            raise DefinitionError(f"wait_any(event={event!r}): give a name, or several")
        outcome = self._wait(names, seconds)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return Woken(by="time")
        if outcome.name in by_event:
            return Woken(by="child", child=by_event[outcome.name])
        return Woken(by="event", event=Event(outcome.name, PAYLOAD.of(outcome)))

    def join(self) -> None:
        """Wait until every child has ended that is not detached. Called at the end by itself."""
        for child_id in self._session.children:
            if child_id not in self._session.child_ends:
                self._wait((f"{CHILD_EVENT}{child_id}",), None)
