"""Read the source of a workflow function for the events that it waits for."""

import ast
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from workflows.source.parsing import body_of, is_helper


class _OnlyARunTells(Exception):
    """A name is computed, or the run goes to code that is not read here."""


def awaited_events(function: FunctionType) -> set[str] | None:
    """Return the names that the code waits for; None where its source does not tell all of them."""
    found: set[str] = set()
    left, seen = [function], {function}
    try:
        while left:
            each = left.pop()
            body = body_of(each)
            if not body:
                return None
            for call in _calls(body):
                found.update(_names_in(call, each))
                helper = _helper(call, each)
                if helper is not None and helper not in seen:
                    seen.add(helper)
                    left.append(helper)
    except _OnlyARunTells:
        return None
    return found


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for top in body:
        yield from (node for node in ast.walk(top) if isinstance(node, ast.Call))


def _names_in(call: ast.Call, function: FunctionType) -> Iterator[str]:
    verb = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if verb == "wait_event":
        named = [each.value for each in call.keywords if each.arg == "name"]
        for given in [*call.args, *named]:
            yield from _texts(given, function)
    elif verb == "wait_any":
        for keyword in call.keywords:
            if keyword.arg in ("event", None):
                yield from _texts(keyword.value, function)


def _texts(node: ast.expr, function: FunctionType) -> Iterator[str]:
    if isinstance(node, ast.List | ast.Tuple):
        for each in node.elts:
            yield from _texts(each, function)
        return
    value: Any = None
    if isinstance(node, ast.Constant):
        value = node.value
    elif isinstance(node, ast.Name) and node.id not in function.__code__.co_varnames:
        value = function.__globals__.get(node.id)
    values = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(each, str) for each in values):
        raise _OnlyARunTells
    yield from values


def _helper(call: ast.Call, function: FunctionType) -> FunctionType | None:
    """Return the plain function of this module that is called, if it is one."""
    target = None
    if isinstance(call.func, ast.Name):
        target = function.__globals__.get(call.func.id)
    if is_helper(target, function):
        return target
    run = next(iter(function.__code__.co_varnames), "")
    given = [*call.args, *(each.value for each in call.keywords)]
    if any(isinstance(each, ast.Name) and each.id == run for each in given):
        raise _OnlyARunTells
    return None
