"""Name and version to function: the decorators of workflows and steps, and what they register."""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import FunctionType
from typing import Any, Literal, ParamSpec, TypeVar, cast, overload

from workflows.core.codec import Signature, is_name
from workflows.core.errors import DefinitionError, DuplicateWorkflow, UnknownWorkflow
from workflows.core.functions import (
    check_compensation,
    check_parameters,
    plain_function,
)
from workflows.core.functions import where as where
from workflows.core.retry import RetryPolicy
from workflows.core.waits import check_limit

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_RETRY = RetryPolicy()
UNNAMED = "…"
"""In place of a name that was not given."""
OnEnd = Literal["stop", "compensate"]


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow function and what the engine knows of it."""

    name: str
    version: int
    function: FunctionType
    signature: Signature
    on_failure: OnEnd = "stop"
    on_cancel: OnEnd = "stop"
    deadline_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class StepDefinition:
    """A step function and its options."""

    name: str
    function: FunctionType
    signature: Signature
    retry: RetryPolicy = field(default=DEFAULT_RETRY)
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    atomic: bool = False
    compensate: "StepDefinition | None" = None
    isolation: str | None = None
    at_most_once: bool = False
    check: "Callable[[dict[str, Any]], dict[str, Any]] | None" = None
    """Returns an action's parameters with their types and defaults. Raises InvalidInput."""


_workflows: dict[tuple[str, int], WorkflowDefinition] = {}


def workflow(
    name: str = UNNAMED,
    version: int = 1,
    *,
    on_failure: OnEnd = "stop",
    on_cancel: OnEnd = "stop",
    deadline_seconds: float | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function `(run: Context, **input) -> output` under a name and version.

    name                   the runs' own, for ever; without it, the module's and the function's:
                           name a workflow before you move or rename it
    on_failure, on_cancel  "compensate" undoes the completed steps that say how, the last first
    deadline_seconds       a run that has not ended by then fails with DeadlineExceeded

    The function is replayed from its top after every wait and crash: it may look only at its
    input, at what `run` returns, and compute. Raises DuplicateWorkflow.
    """
    _check_name(name)
    told = "a workflow" if name is UNNAMED else f"workflow {name!r}"
    if not isinstance(version, int) or version < 1:
        raise DefinitionError(f"{told}: version is {version!r}; give 1 or more")
    for option, value in {"on_failure": on_failure, "on_cancel": on_cancel}.items():
        if value not in ("stop", "compensate"):
            raise DefinitionError(f'{told}: {option} is "stop" or "compensate"')
    check_limit(f"{told}: deadline_seconds", deadline_seconds)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        plain = plain_function(function)
        own_name = where(plain) if name is UNNAMED else name
        check_parameters(own_name, plain)
        _check_free(own_name, version, plain)
        definition = WorkflowDefinition(
            name=own_name,
            version=version,
            function=plain,
            signature=Signature(plain, skip_first=True),
            on_failure=on_failure,
            on_cancel=on_cancel,
            deadline_seconds=deadline_seconds,
        )
        _workflows[own_name, version] = definition
        plain.workflow_definition = definition  # type: ignore[attr-defined]
        return function

    return register


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise DefinitionError('name the workflow: @workflow("app.verb")')


def _check_free(name: str, version: int, function: FunctionType) -> None:
    known = _workflows.get((name, version))
    if known and where(known.function) != where(function):
        raise DuplicateWorkflow(
            f"workflow {name!r} version {version} is already {where(known.function)}; "
            "give the new one another name or version"
        )


@overload
def step(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def step(
    *,
    name: str | None = ...,
    retry: RetryPolicy = ...,
    timeout_seconds: float | None = ...,
    heartbeat_seconds: float | None = ...,
    atomic: bool = ...,
    compensate: Callable[..., Any] | None = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    timeout_seconds: float | None = None,
    heartbeat_seconds: float | None = None,
    atomic: bool = False,
    compensate: Callable[..., Any] | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step: what a workflow does to the world, its result recorded once.

    name             what history calls it; the function's own name by default. It must stay as
                     long as there are runs that have recorded it
    retry            when a failed attempt is followed by another (3 attempts by default)
    timeout_seconds  a longer attempt is interrupted and counts as failed; None: no limit
    heartbeat_seconds  an attempt that is silent for longer, that is, does not call heartbeat(),
                     is interrupted and counts as failed
    compensate       a function `(output, *args, **kwargs)` that undoes the completed step; a step
                     itself, with options of its own where it is decorated
    atomic           the step's ORM writes and its record are one transaction: exactly once.
                     Any other step runs at least once, with the same idempotency key.

    The function stays an ordinary callable outside workflows.
    """
    _check_step(name, retry)
    check_limit("timeout_seconds", timeout_seconds)
    check_limit("heartbeat_seconds", heartbeat_seconds)

    def define(function: Callable[P, R]) -> Callable[P, R]:
        plain = plain_function(function)
        if getattr(getattr(plain, "step_definition", None), "check", None) is not None:
            raise DefinitionError(f"{where(plain)}: put @action above @step, not below it")
        if compensate is not None:
            check_compensation(plain, plain_function(compensate))
        plain.step_definition = StepDefinition(  # type: ignore[attr-defined]
            name=name or plain.__name__,
            function=plain,
            signature=Signature(plain),
            retry=retry,
            timeout_seconds=timeout_seconds,
            heartbeat_seconds=heartbeat_seconds,
            atomic=atomic,
            compensate=None if compensate is None else _as_step(compensate),
        )
        return function

    return define if function is None else define(function)


def _check_step(name: Any, retry: Any) -> None:
    if name is not None and not is_name(name):
        raise DefinitionError("the name of a step is a text of 1 to 500 characters")
    if not isinstance(retry, RetryPolicy):
        raise DefinitionError(f"retry is {retry!r}; write retry=RetryPolicy(attempts=…)")


def _as_step(function: Callable[..., Any]) -> StepDefinition:
    if hasattr(function, "workflow_definition"):
        raise DefinitionError(f"{where(plain_function(function))} is a workflow; give a step")
    if not hasattr(function, "step_definition"):
        step(function)
    definition = step_definition(function)
    if definition.at_most_once:
        raise DefinitionError(
            f"action {definition.name!r} cannot compensate: a lost attempt would stay in doubt; "
            "make it atomic"
        )
    return definition


def known_code() -> tuple[list[str], list[int]]:
    """Return the names and versions, pairwise, of the workflows this process has code for."""
    return [name for name, _ in _workflows], [version for _, version in _workflows]


def latest_version(name: str) -> int:
    """Return the newest version of a workflow this process has code for."""
    return max(version for known, version in _workflows if known == name)


def find_workflow(name: str, version: int) -> WorkflowDefinition | None:
    """Return the code for a name and version, None when this process has none."""
    return _workflows.get((name, version))


def workflow_definition(function: Callable[..., Any] | str) -> WorkflowDefinition:
    """Return what @workflow registered: for a function, or the newest version of a name.
    Raises UnknownWorkflow."""
    if isinstance(function, str):
        return _newest(function)
    definition = getattr(function, "workflow_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", repr(function))
        raise UnknownWorkflow(f'{name} is not a workflow: decorate it with @workflow("name")')
    return cast(WorkflowDefinition, definition)


def _newest(name: str) -> WorkflowDefinition:
    versions = [version for known, version in _workflows if known == name]
    if not versions:
        near = get_close_matches(name, {known for known, _ in _workflows}, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; is its app installed?"
        raise UnknownWorkflow(f"there is no workflow {name!r}{hint}")
    return _workflows[name, max(versions)]


def step_definition(function: Callable[..., Any]) -> StepDefinition:
    """Return what @step registered. Raises DefinitionError for another function."""
    definition = getattr(function, "step_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", repr(function))
        if not callable(function):
            raise DefinitionError(f"{name} is not a step: give the step itself, not its result")
        raise DefinitionError(f"{name} is not a step: decorate it with @step")
    return cast(StepDefinition, definition)
