"""Read the source of a workflow function for the steps that it names, in the order of the code.

It is a reader, not a run: both branches of an `if` are named, a loop's step once, and a step that
is computed (`STEPS[kind]`) not at all. It follows plain functions of the same module.
"""

import ast
import functools
import inspect
from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any

from workflows.core.step_views import PlannedStep
from workflows.definitions.action import find_action, is_action
from workflows.definitions.step import StepDefinition
from workflows.source.parsing import body_of, is_helper

_EMPTY = CellType()


@functools.cache
def planned_steps(function: FunctionType) -> tuple[PlannedStep, ...]:
    """Return a step for each place where the workflow's code names one."""
    return tuple(
        PlannedStep(name=step.name, undoable=step.compensate is not None)
        for step in _steps(function, frozenset())
    )


def steps_by_name(function: FunctionType) -> dict[str, set[FunctionType]]:
    """Return the functions of the steps that a workflow's code names, by the name that history
    has for them."""
    found: dict[str, set[FunctionType]] = {}
    for step in _steps(function, frozenset()):
        found.setdefault(step.name, set()).add(step.function)
    return found


def _steps(function: FunctionType, above: frozenset[FunctionType]) -> Iterator[StepDefinition]:
    for call in _calls(body_of(function)):
        yield from _named_in(call, function)
        helper = _helper(call, function)
        if helper is not None and helper not in above:
            yield from _steps(helper, above | {function})


def _calls(body: list[ast.stmt]) -> list[ast.Call]:
    found = [node for top in body for node in ast.walk(top) if isinstance(node, ast.Call)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _named_in(call: ast.Call, function: FunctionType) -> Iterator[StepDefinition]:
    """Yield what `run.step(a)`, `run.call(a if b else c)` or `run.actions.a()` names."""
    verb = _verb(call.func)
    if verb is None:
        return
    owner = verb.value
    if isinstance(owner, ast.Attribute) and owner.attr == "actions" and is_action(verb.attr):
        yield find_action(verb.attr).step
    elif verb.attr in ("step", "call") and call.args:
        for target in _alternatives(call.args[0]):
            step = getattr(_resolve(target, function), "step_definition", None)
            if isinstance(step, StepDefinition):
                yield step


def _verb(called: ast.expr) -> ast.Attribute | None:
    """Return `run.call` of what is called as `run.call` or as `run.call.using(after=…)`."""
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute):
        using = called.func
        called = using.value if using.attr == "using" else called
    return called if isinstance(called, ast.Attribute) else None


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from _alternatives(node.body)
        yield from _alternatives(node.orelse)
    else:
        yield node


def _resolve(node: ast.expr, function: FunctionType) -> Any:
    """Return what a (dotted) name of the function's module stands for; None: only a run tells."""
    if isinstance(node, ast.Name):
        return _enclosed(function).get(node.id, function.__globals__.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, function)
        return None if owner is None else inspect.getattr_static(owner, node.attr, None)
    return None


def _enclosed(function: FunctionType) -> dict[str, Any]:
    """Return what the names of the functions around this one stand for."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != _EMPTY}


def _helper(call: ast.Call, function: FunctionType) -> FunctionType | None:
    target = _resolve(call.func, function) if isinstance(call.func, ast.Name) else None
    return target if is_helper(target, function) else None
