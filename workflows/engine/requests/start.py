"""Start a run, once per key, in the caller's transaction."""

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

from workflows.core.codec import Input, is_name
from workflows.core.errors import DefinitionError, InvalidInput, KeyConflict, RunPruned
from workflows.core.priority import check_priority
from workflows.core.run import RunView
from workflows.core.tenant import check_tenant
from workflows.core.time_checks import sensible_seconds
from workflows.definitions.workflow import Workflow, WorkflowDefinition, workflow_definition
from workflows.definitions.workflow_guard import refuse
from workflows.engine import announcements
from workflows.engine.requests.new_run import encode_input, new_id, new_run
from workflows.store import runs as store
from workflows.store.views import get_run

P = ParamSpec("P")
T = TypeVar("T")


class StartOptions(NamedTuple):
    """What a caller says of a run, beside its input."""

    key: Any = None
    deadline_seconds: Any = None
    priority: Any = 0
    tenant: Any = ""


class StartUsing:
    """start with options of its own: what follows in brackets is the workflow and its input."""

    def __init__(self, options: StartOptions) -> None:
        self._options = options

    @overload
    def __call__(
        self, workflow: Workflow[P, Any], /, *given: P.args, **input: P.kwargs
    ) -> RunView: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> RunView: ...
    def __call__(self, workflow: Any, /, *given: Any, **input: Any) -> RunView:
        """Start it, as `start` does."""
        return _start(workflow, given, input, self._options)


class Start:
    """start(workflow, **input): one INSERT, committed with the caller's transaction or lost with
    it.

    workflow is the function, or a name: the newest version of it. key makes it idempotent: the
    same workflow, key and input return the run that is there, in whatever state; another input
    raises KeyConflict, the key of a run that was pruned RunPruned. deadline_seconds takes the place
    of the workflow's own. priority, a whole number from -9 to 9: of the runs that are due, the
    highest go first; a run that was there keeps its own. tenant, a text: tenants take turns, so that
    one with many runs delays the others little. Where the function has a parameter called
    deadline_seconds, priority or tenant, that is meant. Raises InvalidInput when the input does not fit the
    function, UnknownWorkflow when the function is no workflow.

    Type checkers hold the input to the function's parameters, unless an option stands beside it
    (PEP 612) or the workflow is a name: start.using(key=…)(workflow, **input) is checked as well.
    """

    @overload
    def __call__(
        self, workflow: Workflow[P, Any], /, *given: P.args, **input: P.kwargs
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *given: Any,
        key: str | None,
        deadline_seconds: float | None = None,
        priority: int = 0,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        deadline_seconds: float,
        priority: int = 0,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        priority: int,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, tenant: str, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> RunView: ...
    def __call__(
        self,
        workflow: Any,
        /,
        *given: Any,
        key: Any = None,
        **input: Any,
    ) -> RunView:
        """Start a run; see the class."""
        options = {} if _OPTIONS.isdisjoint(input) else _taken_out(workflow, input)
        return _start(workflow, given, input, StartOptions(key=key, **options))

    def using(
        self,
        *,
        key: str | None = None,
        deadline_seconds: float | None = None,
        priority: int = 0,
        tenant: str = "",
    ) -> StartUsing:
        """Return start with these options; its input is checked: start.using(key=…)(order, 7)."""
        return StartUsing(
            StartOptions(
                key=key, deadline_seconds=deadline_seconds, priority=priority, tenant=tenant
            )
        )


start = Start()


_OPTIONS = frozenset({"deadline_seconds", "priority", "tenant"})
"""Younger than functions with a parameter of that name, which it then is."""


def _taken_out(workflow: Any, input: dict[str, Any]) -> dict[str, Any]:
    """Take the options out of what was given, and return them."""
    takes = workflow_definition(workflow).signature.takes
    return {name: input.pop(name) for name in _OPTIONS if name in input and not takes(name)}


def _start(
    workflow: Any, given: tuple[Any, ...], input: dict[str, Any], options: StartOptions
) -> RunView:
    refuse("calls start()", "write run.start_child(workflow, …)")
    definition = workflow_definition(workflow)
    deadline = definition.deadline_seconds
    if options.deadline_seconds is not None:
        deadline = _sensible(sensible_seconds, "deadline_seconds", options.deadline_seconds)
    priority = _sensible(check_priority, "start", options.priority)
    tenant = _sensible(check_tenant, "start", options.tenant)
    key = options.key
    if key is not None and not is_name(key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")
    input = definition.by_name(given, input)
    asked = encode_input(definition.signature, input, whose=f"input of {definition.name!r}")
    new = new_run(
        definition,
        asked,
        id=new_id(),
        key=key,
        deadline_seconds=deadline,
        priority=priority,
        tenant=tenant,
    )
    while (created := store.create_run(new)) is None:
        same = _same_run(definition, str(key), asked)
        if same is not None:
            return get_run(same)
    announcements.run_started(new.id, new.workflow, new.version, key=key)
    return created


def _sensible(check: Callable[[str, Any], T], asker: str, value: Any) -> T:
    try:
        return check(asker, value)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None


def _same_run(definition: WorkflowDefinition, key: str, asked: Input) -> uuid.UUID | None:
    """Return the run that has the key; None: it has just fallen free, try again. Raises KeyConflict,
    RunPruned."""
    found = store.find_by_key(definition.name, key)
    if found is None:
        pruned = store.find_pruned(definition.name, key)
        if pruned is not None:
            raise RunPruned(definition.name, key, str(pruned[0]), pruned[1])
        return None
    run_id, known = found
    if not definition.signature.is_same(known, asked):
        raise KeyConflict(
            f"key {key!r} of {definition.name!r} was used with another input; use a new key for new work"
        )
    return run_id
