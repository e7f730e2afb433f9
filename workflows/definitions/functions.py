"""What the decorators take: plain functions, and parameters that fit."""

import inspect
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from workflows.core.errors import DefinitionError

_IS_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_TAKES_A_VALUE_BY_PLACE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)

_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class RunContext:
    """What a workflow function takes first: the base of the engine's Context, for type checkers."""

    __slots__ = ()


def plain_function(function: Callable[..., Any]) -> FunctionType:
    """Return it as what a workflow must be: a `def` that does its work when called."""
    found = step_function(function)
    if inspect.iscoroutinefunction(found):
        raise DefinitionError(
            f"{where(found)}: a workflow is a plain `def`, since it is replayed; what awaits is a step: "
            "put it into an `async def` with @step, and call that by run.step(…)"
        )
    return found


def step_function(function: Callable[..., Any]) -> FunctionType:
    """Return it as what a step must be: a `def` or an `async def` that returns its result."""
    if not isinstance(function, FunctionType):
        raise DefinitionError(f"{function!r} is not a plain function; decorate a `def`")
    if function.__code__.co_flags & _IS_GENERATOR:
        raise DefinitionError(
            f"{where(function)}: write a `def` that returns its result, no generator"
        )
    return function


def refuse_bound_method(function: Any, *, what: str) -> None:
    """Raise DefinitionError for a method of an object: at a replay there would be another object."""
    if isinstance(function, MethodType):
        raise DefinitionError(
            f"{function.__qualname__} is a bound method, whose object no history keeps: make it a "
            f"plain function, and hand the {what} what it needs of the object"
        )


def refuse_other(given: Any, known: Any, *, decorator: str) -> None:
    """Raise DefinitionError where what is used is not what the decorator has returned: something
    above it would be dropped in silence."""
    if given is not known and given is not getattr(known, "__wrapped__", None):
        raise DefinitionError(
            f"{where(known)}: a decorator stands above {decorator}, and would be dropped; put "
            f"{decorator} on top of it"
        )


def is_wrapped(known: FunctionType, attribute: str, definition: Any) -> bool:
    """Say whether its module has, under its name, something else that was made of it."""
    found: Any = sys.modules.get(known.__module__)
    for name in known.__qualname__.split("."):
        found = getattr(found, name, None)
    if found in (known, getattr(known, "__wrapped__", None)):
        return False
    return getattr(found, attribute, None) is definition


def check_parameters(name: str, function: FunctionType) -> None:
    """Raise DefinitionError for a workflow function that cannot be started."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in _TAKES_A_VALUE_BY_PLACE:
        raise DefinitionError(f"workflow {name!r} takes the run first: write (run: Context, ...)")
    if any(parameter.name == "key" for parameter in parameters):
        raise DefinitionError(f"workflow {name!r}: rename the parameter 'key'; start() uses it")


def where(function: FunctionType) -> str:
    """Return where a function is written: module and name."""
    return f"{function.__module__}.{function.__qualname__}"


def check_compensation(function: FunctionType, compensate: FunctionType) -> None:
    """Raise DefinitionError where a compensation cannot be called as it will be: with the output,
    then with what the step was called with."""
    required = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in _ANY_NUMBER
    ]
    takes = inspect.signature(compensate)
    by_place = [each.name for each in required if each.kind != each.KEYWORD_ONLY]
    by_name = [each.name for each in required if each.kind == each.KEYWORD_ONLY]
    if _fits(takes, by_place, by_name) or _fits(takes, [], by_place + by_name):
        return
    asked = ", ".join(["output", *by_place, *by_name])
    raise DefinitionError(
        f"{where(compensate)}{takes} cannot undo {function.__name__}: write it as ({asked})"
    )


def _fits(takes: inspect.Signature, by_place: list[str], by_name: list[str]) -> bool:
    try:
        takes.bind(None, *by_place, **dict.fromkeys(by_name))
    except TypeError:
        return False
    return True
