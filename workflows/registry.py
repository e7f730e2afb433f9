"""Name and version to function: the decorators of workflows and steps, and what they register."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast, overload

from workflows.core.codec import Signature
from workflows.core.errors import DefinitionError, DuplicateWorkflow, UnknownWorkflow
from workflows.core.retry import RetryPolicy

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_RETRY = RetryPolicy()

_DOES_NOTHING_WHEN_CALLED = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_TAKES_A_VALUE_BY_PLACE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow function and what the engine knows of it."""

    name: str
    version: int
    function: FunctionType
    signature: Signature


@dataclass(frozen=True, kw_only=True)
class StepDefinition:
    """A step function and its options."""

    name: str
    function: FunctionType
    signature: Signature
    retry: RetryPolicy = field(default=DEFAULT_RETRY)
    timeout_seconds: float | None = None
    atomic: bool = False


_workflows: dict[tuple[str, int], WorkflowDefinition] = {}


def workflow(name: str, version: int = 1) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function `(run: Context, **input) -> output` under a name and version.

    The function is replayed from its top after every wait and crash: it may look only at its
    input, at what `run` returns, and compute. Raises DuplicateWorkflow.
    """
    if not isinstance(name, str) or not name:
        raise DefinitionError('name the workflow: @workflow("app.verb")')
    if not isinstance(version, int) or version < 1:
        raise DefinitionError(f"workflow {name!r}: version is {version!r}; give 1 or more")

    def register(function: Callable[P, R]) -> Callable[P, R]:
        plain = _plain_function(function)
        _check_parameters(name, plain)
        known = _workflows.get((name, version))
        if known and _where(known.function) != _where(plain):
            raise DuplicateWorkflow(
                f"workflow {name!r} version {version} is already {_where(known.function)}; "
                "give the new one another name or version"
            )
        definition = WorkflowDefinition(
            name=name, version=version, function=plain, signature=Signature(plain, skip_first=True)
        )
        _workflows[name, version] = definition
        plain.workflow_definition = definition  # type: ignore[attr-defined]
        return function

    return register


@overload
def step(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def step(
    *,
    retry: RetryPolicy = ...,
    timeout_seconds: float | None = ...,
    atomic: bool = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    retry: RetryPolicy = DEFAULT_RETRY,
    timeout_seconds: float | None = None,
    atomic: bool = False,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step: what a workflow does to the world, its result recorded once.

    retry            when a failed attempt is followed by another (3 attempts by default)
    timeout_seconds  a longer attempt is interrupted and counts as failed; None: no limit
    atomic           the step's ORM writes and its record are one transaction: exactly once.
                     Any other step runs at least once, with the same idempotency key.

    The function stays an ordinary callable outside workflows.
    """
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise DefinitionError(f"timeout_seconds is {timeout_seconds}; give more than 0, or None")

    def define(function: Callable[P, R]) -> Callable[P, R]:
        plain = _plain_function(function)
        plain.step_definition = StepDefinition(  # type: ignore[attr-defined]
            name=plain.__name__,
            function=plain,
            signature=Signature(plain),
            retry=retry,
            timeout_seconds=timeout_seconds,
            atomic=atomic,
        )
        return function

    return define if function is None else define(function)


def find_workflow(name: str, version: int) -> WorkflowDefinition | None:
    """Return the code for a name and version, None when this process has none."""
    return _workflows.get((name, version))


def workflow_definition(function: Callable[..., Any]) -> WorkflowDefinition:
    """Return what @workflow registered. Raises UnknownWorkflow for another function."""
    definition = getattr(function, "workflow_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", repr(function))
        raise UnknownWorkflow(f'{name} is not a workflow: decorate it with @workflow("name")')
    return cast(WorkflowDefinition, definition)


def step_definition(function: Callable[..., Any]) -> StepDefinition:
    """Return what @step registered. Raises DefinitionError for another function."""
    definition = getattr(function, "step_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", repr(function))
        raise DefinitionError(f"{name} is not a step: decorate it with @step")
    return cast(StepDefinition, definition)


def _plain_function(function: Callable[..., Any]) -> FunctionType:
    if not isinstance(function, FunctionType):
        raise DefinitionError(f"{function!r} is not a plain function; decorate a `def`")
    if function.__code__.co_flags & _DOES_NOTHING_WHEN_CALLED:
        raise DefinitionError(f"{_where(function)}: write a plain `def` that returns its result")
    return function


def _check_parameters(name: str, function: FunctionType) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in _TAKES_A_VALUE_BY_PLACE:
        raise DefinitionError(f"workflow {name!r} takes the run first: write (run: Context, ...)")
    if any(parameter.name == "key" for parameter in parameters):
        raise DefinitionError(f"workflow {name!r}: rename the parameter 'key'; start() uses it")


def _where(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"
