"""The steps of workflows: the decorator, and what it keeps of a function."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from workflows.core.codec import Signature, is_name
from workflows.core.errors import DefinitionError
from workflows.core.limit import Declared, Limit, Rate
from workflows.core.retry import RetryPolicy
from workflows.core.time_checks import check_limit
from workflows.definitions.functions import (
    check_compensation,
    is_wrapped,
    plain_function,
    refuse_bound_method,
    refuse_other,
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
    compensate: "StepDefinition | None" = None
    compare_arguments: bool = True
    isolation: str | None = None
    at_most_once: bool = False
    limits: tuple[Declared, ...] = ()
    """Taken for each attempt."""
    check: "Callable[[dict[str, Any]], dict[str, Any]] | None" = None
    """Returns an action's parameters with their types and defaults. Raises InvalidInput."""


_steps: dict[str, StepDefinition] = {}
"""By where they are written."""


class Step(Protocol[P, R_co]):
    """A decorated function, as type checkers see it: its parameters P and its result R."""

    __name__: str
    step_definition: StepDefinition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


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
    concurrency: Limit | tuple[Limit, ...] | None = ...,
    rate: Rate | None = ...,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
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
    compare_arguments: bool = True,
    concurrency: Limit | tuple[Limit, ...] | None = None,
    rate: Rate | None = None,
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step: what a workflow does to the world, its result recorded once.

    name             what history calls it; the function's own name by default. It must stay as
                     long as there are runs that have recorded it
    retry            when a failed attempt is followed by another (3 attempts by default)
    timeout_seconds  a longer attempt is interrupted and counts as failed; None: no limit
    heartbeat_seconds  an attempt without heartbeat() for longer is interrupted, and has failed
    compensate       a function `(output, *args, **kwargs)` that undoes the completed step; a step
                     itself, with options of its own where it is decorated
    compare_arguments  a replay that gives it other arguments than history recorded blocks the run
    concurrency, rate  how many attempts at once, Limit(5), and how often, Rate(10, per_seconds=1), over
                     all hosts; waiting for it, the run parks
    atomic           the step's ORM writes and its record are one transaction: exactly once.
                     Any other step runs at least once, with the same idempotency key.

    The function stays an ordinary callable in steps and outside workflows.
    """
    _check_step(name, retry, timeout_seconds, heartbeat_seconds)

    def define(function: Callable[P, R]) -> Step[P, R]:
        plain = _checked(function, compensate)
        definition = StepDefinition(
            name=name or plain.__name__,
            function=plain,
            public=_guarded(plain),
            signature=Signature(plain),
            retry=retry,
            timeout_seconds=timeout_seconds,
            heartbeat_seconds=heartbeat_seconds,
            atomic=atomic,
            compensate=None if compensate is None else _as_step(compensate),
            compare_arguments=compare_arguments,
        )
        return cast(Step[P, R], publish(_limited(definition, concurrency, rate)))

    return define if function is None else define(function)


def _checked(function: Callable[..., Any], compensate: Callable[..., Any] | None) -> FunctionType:
    plain = plain_function(function)
    if getattr(getattr(plain, "step_definition", None), "check", None) is not None:
        raise DefinitionError(f"{where(plain)}: put @action above @step, not below it")
    if compensate is not None:
        check_compensation(plain, plain_function(compensate))
    return plain


def _limited(definition: StepDefinition, concurrency: Any, rate: Any) -> StepDefinition:
    own = where(definition.function)
    limits = declare(f"step {own}", definition.signature, own, concurrency=concurrency, rate=rate)
    return replace(definition, limits=limits)


def publish(definition: StepDefinition) -> FunctionType:
    """Let the functions tell what they are; return the one for everybody. The given one as well:
    `step(atomic=True)(pay)` may stand by itself."""
    _steps[where(definition.function)] = definition
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

    return cast(FunctionType, call)


def _check_step(
    name: Any, retry: Any, timeout_seconds: float | None, heartbeat_seconds: float | None
) -> None:
    if name is not None and not is_name(name):
        raise DefinitionError("the name of a step is a text of 1 to 500 characters")
    if not isinstance(retry, RetryPolicy):
        raise DefinitionError(f"retry is {retry!r}; write retry=RetryPolicy(attempts=…)")
    check_limit("timeout_seconds", timeout_seconds)
    check_limit("heartbeat_seconds", heartbeat_seconds)


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


def wrapped_steps() -> list[FunctionType]:
    """Return the steps above whose decorator their modules have another."""
    return [
        each.public
        for each in _steps.values()
        if is_wrapped(each.public, "step_definition", each.public.__dict__["step_definition"])
    ]
