"""Name and version to function: the decorators of workflows and steps, and what they register."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, ParamSpec, TypeVar, cast, overload

from workflows.core.codec import Signature, is_name
from workflows.core.errors import DefinitionError, DuplicateWorkflow, UnknownWorkflow
from workflows.core.retry import RetryPolicy

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_RETRY = RetryPolicy()
OnEnd = Literal["stop", "compensate"]

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


_workflows: dict[tuple[str, int], WorkflowDefinition] = {}


def workflow(
    name: str,
    version: int = 1,
    *,
    on_failure: OnEnd = "stop",
    on_cancel: OnEnd = "stop",
    deadline_seconds: float | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function `(run: Context, **input) -> output` under a name and version.

    on_failure, on_cancel  "compensate" undoes the completed steps that say how, the last first
    deadline_seconds       a run that has not ended by then fails with DeadlineExceeded

    The function is replayed from its top after every wait and crash: it may look only at its
    input, at what `run` returns, and compute. Raises DuplicateWorkflow.
    """
    if not isinstance(name, str) or not name:
        raise DefinitionError('name the workflow: @workflow("app.verb")')
    if not isinstance(version, int) or version < 1:
        raise DefinitionError(f"workflow {name!r}: version is {version!r}; give 1 or more")

    for option, value in {"on_failure": on_failure, "on_cancel": on_cancel}.items():
        if value not in ("stop", "compensate"):
            raise DefinitionError(f'workflow {name!r}: {option} is "stop" or "compensate"')

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
            name=name,
            version=version,
            function=plain,
            signature=Signature(plain, skip_first=True),
            on_failure=on_failure,
            on_cancel=on_cancel,
            deadline_seconds=deadline_seconds,
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
    if name is not None and not is_name(name):
        raise DefinitionError("the name of a step is a text of 1 to 500 characters")
    for limit in (timeout_seconds, heartbeat_seconds):
        if limit is not None and limit <= 0:
            raise DefinitionError(f"a limit of {limit} seconds; give more than 0, or None")

    def define(function: Callable[P, R]) -> Callable[P, R]:
        plain = _plain_function(function)
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


def named_steps(function: FunctionType) -> dict[str, list[str]]:
    """Return the steps that a workflow function names, itself or in the plain functions of its
    module that it calls: where each is written, by the name that history has for it."""
    found: dict[str, set[FunctionType]] = {}
    left, seen = [function], {function}
    while left:
        for value in _named_values(left.pop()):
            if definition := getattr(value, "step_definition", None):
                found.setdefault(definition.name, set()).add(definition.function)
            elif value.__module__ == function.__module__ and value not in seen:
                seen.add(value)
                left.append(value)
    return {name: sorted(map(_where, steps)) for name, steps in found.items()}


def _named_values(function: FunctionType) -> Iterator[FunctionType]:
    """Yield the functions that names in a function stand for: globals, of modules, closures."""
    names = set(_names(function.__code__))
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # not bound yet
            values.append(cell.cell_contents)
    modules: list[ModuleType] = []
    for value in values:  # grows
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, ModuleType) and value not in modules:
            modules.append(value)
            values += [vars(value)[name] for name in names if name in vars(value)]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _as_step(function: Callable[..., Any]) -> StepDefinition:
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
