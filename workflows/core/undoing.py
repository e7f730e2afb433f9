"""Whether a function can undo a step: it is called with the step's output, then with what the step
was called with."""

import inspect
from types import FunctionType

_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def required_names(function: FunctionType) -> list[str]:
    """Return the names of the parameters that every call gives."""
    return [each.name for each in _required(function)]


def can_undo(undo: FunctionType, function: FunctionType) -> bool:
    """Say whether the first can be called with the output and the arguments of the second, in one
    of the ways in which the second can be called."""
    required = _required(function)
    by_place = [each.name for each in required if each.kind != each.KEYWORD_ONLY]
    by_name = [each.name for each in required if each.kind == each.KEYWORD_ONLY]
    takes = inspect.signature(undo)
    return _fits(takes, by_place, by_name) or _fits(takes, [], by_place + by_name)


def _required(function: FunctionType) -> list[inspect.Parameter]:
    return [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in _ANY_NUMBER
    ]


def _fits(takes: inspect.Signature, by_place: list[str], by_name: list[str]) -> bool:
    try:
        takes.bind(None, *by_place, **dict.fromkeys(by_name))
    except TypeError:
        return False
    return True
