"""Sets that workflow code goes through: their order is another in every process."""

import ast
from collections.abc import Iterator
from types import FunctionType

_MAKES_SETS = ("set", "frozenset")
_KEEPS_ORDER = ("list", "tuple", "enumerate", "iter", "next", "zip")
_WITHOUT_ORDER = ("sorted", "set", "frozenset", "sum", "min", "max", "any", "all", "len")
"""What these make of a generator does not depend on its order."""


def walked_sets(function: FunctionType, nodes: list[ast.AST]) -> Iterator[ast.expr]:
    """Yield the sets whose order shows: in a loop, a list, a generator. nodes: the function's."""
    sets = _Sets(function, nodes)
    yield from (each for each in _walked(nodes) if sets.is_one(each))


def _walked(nodes: list[ast.AST]) -> list[ast.expr]:
    found: list[ast.expr] = []
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    harmless = {id(each) for call in calls if _calls(call, _WITHOUT_ORDER) for each in call.args}
    for node in nodes:
        if isinstance(node, ast.For):
            found.append(node.iter)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp) and id(node) not in harmless:
            found += [each.iter for each in node.generators]
        elif isinstance(node, ast.Call) and _calls(node, _KEEPS_ORDER):
            found += [] if id(node) in harmless else node.args
    return found


class _Sets:
    """Which expressions of a function are sets."""

    def __init__(self, function: FunctionType, nodes: list[ast.AST]) -> None:
        given: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                given.setdefault(node.targets[0].id, []).append(node.value)
        kinds = function.__annotations__.items()
        self._names = {name for name, kind in kinds if _is_set_type(kind)} - given.keys()
        self._names |= {name for name, values in given.items() if all(map(self.is_one, values))}

    def is_one(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._names
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
            return self.is_one(node.left)
        return isinstance(node, ast.Set | ast.SetComp) or _calls(node, _MAKES_SETS)


def _is_set_type(annotation: object) -> bool:
    return getattr(annotation, "__origin__", annotation) in (set, frozenset)


def _calls(node: ast.expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
