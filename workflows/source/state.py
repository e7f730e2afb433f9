"""Places where workflow code changes what outlives its run: a list of its module, an attribute of a class."""

import ast
from collections import deque
from collections.abc import Iterator, MutableMapping, MutableSequence, MutableSet

from workflows.source.scope import Scope

_CHANGES = frozenset(
    {
        *("append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault"),
        *("pop", "popleft", "popitem", "remove", "discard", "clear", "sort", "reverse"),
    }
)
_HOLDS = (MutableMapping, MutableSequence, MutableSet, deque)


def changed_outside(scope: Scope, nodes: list[ast.AST]) -> Iterator[ast.expr]:
    """Yield what is assigned to, or changed by a method, below a name of the module. nodes: the
    function's."""
    for node in nodes:
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if _is_of_module(scope, node.value):
                yield node
        elif isinstance(node, ast.Call):
            changed = _changed_by(scope, node)
            if changed is not None and _is_of_module(scope, changed):
                yield changed


def _changed_by(scope: Scope, call: ast.Call) -> ast.expr | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGES:
        kind = scope.meaning(call.func.value).kind
        return call.func.value if kind is not None and issubclass(kind, _HOLDS) else None
    if isinstance(call.func, ast.Name) and call.func.id == "next" and call.args:
        kind = scope.meaning(call.args[0]).kind
        return call.args[0] if kind is not None and hasattr(kind, "__next__") else None
    return None


def _is_of_module(scope: Scope, node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and scope.is_of_module(node.id)
