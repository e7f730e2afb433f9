"""The steps of workflows: the decorator, and what it keeps of a function."""

import functools
import inspect
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from asgiref.sync import markcoroutinefunction

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError
from workflows.core.limit import Declared, Limit, Rate
from workflows.core.pool import check_pool
from workflows.core.retry import RetryPolicy
from workflows.core.signature import Signature
from workflows.core.time_checks import check_limit
from workflows.definitions.functions import (
    check_compensation,
    is_wrapped,
    refuse_bound_method,
    refuse_other,
    step_function,
    where,
)
from workflows.definitions.limit import declare
from workflows.definitions.workflow_guard import refuse

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

DEFAULT_RETRY = RetryPolicy()


@dataclass(frozen=True, kw_only=True)
class StepDefinition:
    """A step function and its options."""

    name: str
    function: FunctionType
    public: FunctionType
    """What @step has made of it: what its module, and workflow code, know it by."""
    signature: Signature
    retry: RetryPolicy = field(default=DEFAULT_RETRY)
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    atomic: bool = False
    is_async: bool = False
    """Calling the function gives an awaitable."""
    compensate: "StepDefinition | None" = None
    compare_arguments: bool = True
    isolation: str | None = None
    at_most_once: bool = False
    stops_on_cancel: bool = False
    limits: tuple[Declared, ...] = ()
    """Taken for each attempt."""
    pool: str | None = None
    """Whose clusters run it; None: those of its workflow's pool."""
    check: "Callable[[dict[str, Any]], dict[str, Any]] | None" = None
    """Returns an action's parameters with their types and defaults. Raises InvalidInput."""

    def __post_init__(self) -> None:
        if self.is_async and self.atomic:
            raise DefinitionError(
                f"{where(self.function)} is an `async def` and atomic: a transaction cannot span what it "
                "awaits; write a plain `def`, or an atomic step of its own for what it writes"
            )


_steps: dict[str, StepDefinition] = {}
"""By where they are written."""
_pools: set[str] = set()
"""Those that steps name."""


class AnyStep(Protocol[P, R_co]):
    """A decorated function, as type checkers see it: its parameters P, and its result R, awaited where
    it is an `async def`."""

    __name__: str
    step_definition: StepDefinition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any: ...

    def _recorded(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """For type checkers alone: what history keeps of a call."""


class Step(AnyStep[P, R_co], Protocol[P, R_co]):
    """A decorated `def`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class AsyncStep(AnyStep[P, R_co], Protocol[P, R_co]):
    """A decorated `async def`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]: ...


class MakeStep(Protocol):
    """A decorator, as type checkers see it."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncStep[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncStep[P, R]: ...
@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = ...,
    retry: RetryPolicy = ...,
    timeout_seconds: float | None = ...,
    heartbeat_seconds: float | None = ...,
    atomic: bool = ...,
    compensate: Callable[..., Any] | None = ...,
    compare_arguments: bool = ...,
    stops_on_cancel: bool = ...,
    concurrency: Limit | tuple[Limit, ...] | None = ...,
    rate: Rate | None = ...,
    pool: str | None = ...,
) -> MakeStep: ...
def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    timeout_seconds: float | None = None,
    heartbeat_seconds: float | None = None,
    atomic: bool = False,
    compensate: Callable[..., Any] | None = None,
    compare_arguments: bool = True,
    stops_on_cancel: bool = False,
    concurrency: Limit | tuple[Limit, ...] | None = None,
    rate: Rate | None = None,
    pool: str | None = None,
) -> Any:
    """Make a function a step: what a workflow does to the world, its result recorded once.

    name             what history calls it (its own name), as long as runs have recorded it
    retry            when a failed attempt is followed by another (3 attempts by default)
    timeout_seconds, heartbeat_seconds  a longer attempt, or silence, is interrupted and has failed
    compensate       a function or step `(output, *args, **kwargs)` that undoes the completed step
    compare_arguments  a replay that gives it others than history recorded blocks the run
    stops_on_cancel  a cancel ends it: heartbeat() raises StepStopped, an `async def` is cancelled
    concurrency, rate  Limit(5) attempts at once, Rate(10) a second, over all hosts; who waits parks
    pool             it runs, as does its compensation, where this is served: `runcluster --pool gpu`
    atomic           exactly once: its ORM writes and record are one transaction. Else at least once
    """
    _check_step(name, retry, timeout_seconds, heartbeat_seconds, pool)

    def define(function: Callable[..., Any]) -> FunctionType:
        plain = _checked(function)
        definition = StepDefinition(
            name=name or plain.__name__,
            function=plain,
            public=_guarded(plain),
            signature=Signature(plain),
            retry=retry,
            timeout_seconds=timeout_seconds,
            heartbeat_seconds=heartbeat_seconds,
            atomic=atomic,
            is_async=inspect.iscoroutinefunction(plain),
            compensate=None if compensate is None else _undoing(plain, compensate),
            compare_arguments=compare_arguments,
            stops_on_cancel=stops_on_cancel,
            pool=pool,
        )
        return publish(_limited(definition, concurrency, rate))

    return define if function is None else define(function)


def _checked(function: Callable[..., Any]) -> FunctionType:
    plain = step_function(function)
    if getattr(getattr(plain, "step_definition", None), "check", None) is not None:
        raise DefinitionError(f"{where(plain)}: put @action above @step, not below it")
    return plain


def _limited(definition: StepDefinition, concurrency: Any, rate: Any) -> StepDefinition:
    own = where(definition.function)
    limits = declare(f"step {own}", definition.signature, own, concurrency=concurrency, rate=rate)
    return replace(definition, limits=limits)


def publish(definition: StepDefinition) -> FunctionType:
    """Let the functions tell what they are; return the one for everybody. The given one as well:
    `step(atomic=True)(pay)` may stand by itself."""
    _steps[where(definition.function)] = definition
    if definition.pool is not None:
        _pools.add(definition.pool)
    for function in (definition.public, definition.function):
        function.step_definition = definition  # type: ignore[attr-defined]
    return definition.public


def _guarded(plain: FunctionType) -> FunctionType:
    """Return the function as its module has it: workflow code may not call it past its run."""
    instead = f"write run.step({plain.__name__}, …)"

    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        refuse(f"calls the step {plain.__name__}() itself", instead)
        return plain(*args, **kwargs)

    if inspect.iscoroutinefunction(plain):
        markcoroutinefunction(call)
    return cast(FunctionType, call)


def _check_step(
    name: Any,
    retry: Any,
    timeout_seconds: float | None,
    heartbeat_seconds: float | None,
    pool: Any,
) -> None:
    if name is not None and not is_name(name):
        raise DefinitionError("the name of a step is a text of 1 to 500 characters")
    if not isinstance(retry, RetryPolicy):
        raise DefinitionError(f"retry is {retry!r}; write retry=RetryPolicy(attempts=…)")
    check_limit("timeout_seconds", timeout_seconds)
    check_limit("heartbeat_seconds", heartbeat_seconds)
    if pool is not None:
        check_pool("step" if name is None else f"step {name!r}", pool)


def _undoing(plain: FunctionType, compensate: Callable[..., Any]) -> StepDefinition:
    check_compensation(plain, step_function(compensate))
    return _as_step(compensate)


def _as_step(function: Callable[..., Any]) -> StepDefinition:
    if hasattr(function, "workflow_definition"):
        raise DefinitionError(f"{where(step_function(function))} is a workflow; give a step")
    if not hasattr(function, "step_definition"):
        step(function)
    definition = step_definition(function)
    if definition.at_most_once:
        raise DefinitionError(
            f"action {definition.name!r} cannot compensate: a lost attempt would stay in doubt; "
            "make it atomic"
        )
    return definition


def step_definition(function: Callable[..., Any]) -> StepDefinition:
    """Return what @step registered. Raises DefinitionError for another function."""
    refuse_bound_method(function, what="step")
    definition = getattr(function, "step_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", f"{function!r:.80}")
        if not callable(function):
            raise DefinitionError(f"{name} is not a step: give the step itself, not its result")
        raise DefinitionError(f"{name} is not a step: decorate it with @step")
    refuse_other(function, definition.public, decorator="@action or @step")
    return cast(StepDefinition, definition)


def step_pools() -> set[str]:
    """Return the pools that the steps of this process's code name."""
    return set(_pools)


def count_steps(pools: Collection[str]) -> int:
    """Count the steps that name one of these pools."""
    return sum(each.pool in pools for each in _steps.values())


def wrapped_steps() -> list[FunctionType]:
    """Return the steps above whose decorator their modules have another."""
    return [
        each.public
        for each in _steps.values()
        if is_wrapped(each.public, "step_definition", each.public.__dict__["step_definition"])
    ]
