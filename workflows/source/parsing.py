"""The source of workflow functions, parsed."""

import ast
import functools
from pathlib import Path
from types import FunctionType
from typing import Any, TypeGuard


def body_of(function: FunctionType) -> list[ast.stmt]:
    """Return the statements of a function; nothing where there is no source to read."""
    node = _definitions(function.__code__.co_filename).get(function.__code__.co_firstlineno)
    return node.body if node is not None else []


def is_helper(target: Any, caller: FunctionType) -> TypeGuard[FunctionType]:
    """Whether this is a plain function of the caller's module, so that its code belongs to the
    workflow; a step is not."""
    return (
        isinstance(target, FunctionType)
        and target.__module__ == caller.__module__
        and not hasattr(target, "step_definition")
    )


@functools.cache
def _definitions(file: str) -> dict[int, ast.FunctionDef]:
    """Return the functions of a file by their first line, decorators included."""
    try:
        tree = ast.parse(Path(file).read_text())
    except (OSError, ValueError, SyntaxError):
        return {}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {min([node.lineno, *(d.lineno for d in node.decorator_list)]): node for node in found}
