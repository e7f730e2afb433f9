"""Sets that workflow code goes through: their order is another in every process."""

import ast
from collections.abc import Iterator
from types import FunctionType

_MAKES_SETS = ("set", "frozenset")
_KEEPS_ORDER = ("list", "tuple", "enumerate", "iter", "next", "zip")
_MAKE_OTHER_SETS = ("union", "difference", "intersection", "symmetric_difference", "copy")
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
        elif (
            isinstance(node, ast.ListComp | ast.GeneratorExp) and id(node) not in harmless
        ) or isinstance(node, ast.DictComp):
            found += [each.iter for each in node.generators]
        elif isinstance(node, ast.Call):
            found += [] if id(node) in harmless else _walked_by(node)
        elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
            found += [each.value for each in node.elts if isinstance(each, ast.Starred)]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple | ast.List):
            found.append(node.value)
    return found


def _walked_by(call: ast.Call) -> list[ast.expr]:
    """Return what this call takes one after the other."""
    if _calls(call, _WITHOUT_ORDER):
        return []
    starred = [each.value for each in call.args if isinstance(each, ast.Starred)]
    if _calls(call, _KEEPS_ORDER):
        return [*starred, *call.args]
    if isinstance(call.func, ast.Attribute):
        if call.func.attr in ("join", "fromkeys"):
            return [*starred, *call.args[:1]]
        if call.func.attr == "pop" and not call.args:
            return [call.func.value]
    return starred


class _Sets:
    """Which expressions of a function are sets."""

    def __init__(self, function: FunctionType, nodes: list[ast.AST]) -> None:
        given: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                given.setdefault(node.targets[0].id, []).append(node.value)
            elif (
                isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
            ):
                given.setdefault(node.target.id, []).append(node.value)
        kinds = function.__annotations__.items()
        self._names = {name for name, kind in kinds if _is_set_type(kind)} - given.keys()
        self._names |= {name for name, values in given.items() if all(map(self.is_one, values))}

    def is_one(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._names
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
            return self.is_one(node.left) or _calls_method(node.left, ("keys",))
        if _calls_method(node, _MAKE_OTHER_SETS):
            return self.is_one(node.func.value)  # type: ignore[attr-defined]
        return isinstance(node, ast.Set | ast.SetComp) or _calls(node, _MAKES_SETS)


def _calls_method(node: ast.expr, names: tuple[str, ...]) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    )


def _is_set_type(annotation: object) -> bool:
    return getattr(annotation, "__origin__", annotation) in (set, frozenset)


def _calls(node: ast.expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
