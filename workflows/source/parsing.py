"""The source of workflow functions, parsed."""

import ast
import functools
from pathlib import Path
from types import FunctionType
from typing import Any, TypeGuard


def body_of(function: FunctionType) -> list[ast.stmt]:
    """Return the statements of a function; nothing where there is no source to read."""
    code = function.__code__
    if code.co_name == "<lambda>":
        found = _lambdas(code.co_filename).get(code.co_firstlineno, [])
        return (
            [ast.copy_location(ast.Expr(found[0].body), found[0].body)] if len(found) == 1 else []
        )
    node = _definitions(code.co_filename).get(code.co_firstlineno)
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
def _definitions(file: str) -> dict[int, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions of a file by their first line, decorators included."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.walk(_tree(file)) if isinstance(node, kinds)]
    return {min([node.lineno, *(d.lineno for d in node.decorator_list)]): node for node in found}


@functools.cache
def _lambdas(file: str) -> dict[int, list[ast.Lambda]]:
    """Return the lambdas of a file by their line; of several in one, nobody knows which is which."""
    found: dict[int, list[ast.Lambda]] = {}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(node)
    return found


@functools.cache
def _tree(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_text())
    except (OSError, ValueError, SyntaxError):
        return ast.Module(body=[], type_ignores=[])
