"""Functions that are written inside workflow code and know its variables by themselves.

They are arguments by another way: a step that filled such a list would fill its caller's, live and not at
a replay. Variables of anybody else, of a module or of a test around the workflow, are left alone.
"""

import sys
from collections.abc import Iterator
from types import BuiltinMethodType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

from workflows.core.copies import copied

_EMPTY = CellType()
Codes = tuple[CodeType, ...]


def code_below(workflow: FunctionType) -> Codes:
    """Return the code that runs just now in this thread, from the workflow's own down to here."""
    return tuple(_frames(workflow.__code__))


def _frames(top: CodeType) -> Iterator[CodeType]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code
        if frame.f_code is top:
            return
        frame = frame.f_back  # type: ignore[assignment]


def knows_others(value: Any) -> bool:
    """Whether this is a function that knows variables of the functions around it."""
    return type(value) is FunctionType and value.__closure__ is not None


def apart(value: Any, around: Codes) -> Any:
    """Return a function with copies of the variables of this code that it knows, and a method of a list,
    a dictionary or the like (found.append) as one of a copy; anything else as it is."""
    if knows_others(value):
        names = {name for code in around for name in _variables(code, value)}
        return _with_copies(value, names) if names else value
    if type(value) is BuiltinMethodType:
        owner = value.__self__
        if owner is not None and not isinstance(owner, ModuleType | type):
            return getattr(copied(owner), value.__name__)
    return value


def _variables(code: CodeType, function: FunctionType) -> set[str]:
    """Return the variables of the code that the function knows, if it is written inside of it."""
    inner = function.__code__
    is_inside = inner.co_qualname.startswith(f"{code.co_qualname}.<locals>.")
    if not is_inside or inner.co_filename != code.co_filename:
        return set()
    return set(code.co_cellvars).intersection(inner.co_freevars)


def _with_copies(function: FunctionType, names: set[str]) -> FunctionType:
    known = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    cells = tuple(
        CellType(copied(cell.cell_contents)) if name in names and cell != _EMPTY else cell
        for name, cell in known
    )
    found = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
    )
    found.__kwdefaults__ = function.__kwdefaults__
    return found
