"""run.start_child and run.child: children with their input, as type checkers see them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, overload

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow import Workflow, workflow_definition
from workflows.engine.children.child_run import ChildHandle

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class ChildOptions:
    """What a parent says of a child, beside its input."""

    detached: Any = False
    priority: Any = None
    """None: its parent's."""


Begin = Callable[[Any, tuple[Any, ...], dict[str, Any], ChildOptions], ChildHandle[Any]]

NOT_GIVEN: Any = object()
"""In place of an option that was left out."""


@dataclass(frozen=True, kw_only=True)
class ChildCall(Generic[R_co]):
    """A workflow with its input, not started yet. R_co: what it returns, for type checkers."""

    workflow: Any
    given: tuple[Any, ...]
    input: dict[str, Any]


class MakeChildCall:
    """run.child(workflow, **input): what run.map starts. Type checkers hold the input to the
    workflow's parameters."""

    __slots__ = ()

    @overload
    def __call__(
        self, workflow: Workflow[P, R], /, *given: P.args, **input: P.kwargs
    ) -> ChildCall[R]: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> ChildCall[Any]: ...
    def __call__(self, workflow: Any, /, *given: Any, **input: Any) -> ChildCall[Any]:
        """Return a workflow with its input, for map."""
        return ChildCall(workflow=workflow, given=given, input=input)


class StartChildUsing:
    """run.start_child with options of its own: what follows in brackets is the workflow and its
    input."""

    __slots__ = ("_begin", "_options")

    def __init__(self, begin: Begin, options: ChildOptions) -> None:
        self._begin, self._options = begin, options

    @overload
    def __call__(
        self, workflow: Workflow[P, R], /, *given: P.args, **input: P.kwargs
    ) -> ChildHandle[R]: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> ChildHandle[Any]: ...
    def __call__(self, workflow: Any, /, *given: Any, **input: Any) -> ChildHandle[Any]:
        """Start a child, as `run.start_child` does."""
        return self._begin(workflow, given, input, self._options)


class StartChild:
    """run.start_child(workflow, **input): start a child run, once for this position; return its
    handle.

    The parent ends after its children; cancelling it cancels them, and so does its failure.
    detached=True lets the child live on its own. It has its parent's priority, unless priority=
    says another (where the workflow has a parameter of that name, it is that). Type checkers hold
    the input to the workflow's parameters, unless an option stands beside it (PEP 612) or the
    workflow is a name: run.start_child.using(detached=True)(workflow, **input) is checked as well.
    """

    __slots__ = ("_begin",)

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    @overload
    def __call__(
        self, workflow: Workflow[P, R], /, *given: P.args, **input: P.kwargs
    ) -> ChildHandle[R]: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., R],
        /,
        *given: Any,
        detached: bool,
        priority: int | None = None,
        **input: Any,
    ) -> ChildHandle[R]: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., R], /, *given: Any, priority: int | None, **input: Any
    ) -> ChildHandle[R]: ...
    @overload
    def __call__(
        self, workflow: str, /, *given: Any, detached: bool = False, **input: Any
    ) -> ChildHandle[Any]: ...
    def __call__(
        self, workflow: Any, /, *given: Any, detached: Any = NOT_GIVEN, **input: Any
    ) -> ChildHandle[Any]:
        """Start a child; see the class."""
        priority = None
        if "priority" in input and not workflow_definition(workflow).signature.takes("priority"):
            priority = input.pop("priority")
        if detached is NOT_GIVEN:
            return self._begin(workflow, given, input, ChildOptions(priority=priority))
        definition = workflow_definition(workflow)
        if definition.signature.takes("detached"):
            raise DefinitionError(
                f"start_child: detached= is an option here, and {definition.name!r} has a parameter of "
                "that name: write run.start_child.using(detached=…)(workflow, …)"
            )
        options = ChildOptions(detached=detached, priority=priority)
        return self._begin(workflow, given, input, options)

    def using(self, *, detached: bool = False, priority: int | None = None) -> StartChildUsing:
        """Return run.start_child with these options; its input is checked."""
        return StartChildUsing(self._begin, ChildOptions(detached=detached, priority=priority))
