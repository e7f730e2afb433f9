"""What the expressions of one function stand for: its imports, locals, and the names around it."""

import ast
import builtins
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from types import CellType, FunctionType, UnionType
from typing import Any, Union, cast, get_args, get_origin

from workflows.source.meanings import NOTHING, UNKNOWN, Meaning, is_a, meaning_of, object_of

_EMPTY = CellType()


class Scope:
    """Looks up what a function's code names. nodes: the function's, at any depth."""

    def __init__(self, function: FunctionType, nodes: list[ast.AST]) -> None:
        self._function = function
        self._imported = dict(_imports(nodes, function))
        self._given = _assigned(nodes)
        self._annotated = _annotated(nodes)
        self._locals = {*function.__code__.co_varnames, *_bound(nodes)}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._around = {name: cell.cell_contents for name, cell in cells if cell != _EMPTY}
        self._asked: set[str] = set()
        self._known: dict[ast.AST, Meaning] = {}

    def meaning(self, node: ast.AST) -> Meaning:
        """Return what an expression stands for; UNKNOWN where only a run would tell."""
        if node not in self._known:
            found = self._look_up(node)
            if self._asked:
                return found  # in the middle of a name that may be made of itself
            self._known[node] = found
        return self._known[node]

    def _look_up(self, node: ast.AST) -> Meaning:
        if isinstance(node, ast.Attribute):
            return self._member(self.meaning(node.value), node.attr)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Call):
            kind = self._kind_of_result(node)
            return UNKNOWN if kind is None else object_of(kind)
        return UNKNOWN

    def is_local(self, name: str) -> bool:
        """Whether a name is the function's own."""
        return name in self._locals and name not in self._imported

    def is_of_module(self, name: str) -> bool:
        """Whether a name is one of the function's module."""
        around = name in self._locals or name in self._around or name in self._imported
        return not around and name in self._function.__globals__

    def _name(self, name: str) -> Meaning:
        if name in self._imported:
            return _imported_meaning(self._imported[name])
        if name in self._locals:
            return self._local(name)
        for space in (self._around, self._function.__globals__):
            if name in space:
                return meaning_of(space[name])
        found = meaning_of(getattr(builtins, name, NOTHING))
        return Meaning(found.value, found.kind, (f"builtins.{name}",))

    def _local(self, name: str) -> Meaning:
        kind = self._kind_of_local(name)
        return UNKNOWN if kind is None else object_of(kind)

    def _kind_of_local(self, name: str) -> type | None:
        if name in self._asked:
            return None  # it is made of itself
        annotation = self._function.__annotations__.get(name)
        if annotation is not None:
            return class_named_by(annotation, self._function)
        if name in self._annotated:
            return _class_in_text(self._annotated[name], self._function)
        values = self._given.get(name, [])
        if len(values) == 1:
            self._asked.add(name)
            kind = self.meaning(values[0]).kind
            self._asked.discard(name)
            return kind
        return _class_around(self._function) if name == _first(self._function) else None

    def _kind_of_result(self, call: ast.Call) -> type | None:
        called = self.meaning(call.func)
        if is_a(called.value, type):
            return cast(type, called.value)
        if called.value is NOTHING and _is_verb(call):
            called = self.meaning(call.args[0])
        return _result_of(called.value)

    def _member(self, owner: Meaning, name: str) -> Meaning:
        found = owner.member(name)
        if owner.kind is not None and found.value is NOTHING:  # a field, with a default or without
            kind = _kind_of_field(owner.kind, name, self._function)
            return found if kind is None else object_of(kind)
        return found


def class_named_by(annotation: Any, function: FunctionType) -> type | None:
    """Return the class that an annotation names, also as a text or beside None."""
    if isinstance(annotation, str):
        try:
            node = ast.parse(annotation, mode="eval").body
        except SyntaxError:
            return None
        return _class_in_text(node, function)
    if get_origin(annotation) in (Union, UnionType):
        kinds = [each for each in get_args(annotation) if each is not type(None)]
        return class_named_by(kinds[0], function) if len(kinds) == 1 else None
    return _as_class(annotation)


def _class_in_text(node: ast.expr, function: FunctionType) -> type | None:
    if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        return _class_in_text(node.left, function)
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    return _as_class(Scope(function, []).meaning(node).value)


def _as_class(value: Any) -> type | None:
    return value if is_a(value, type) and value is not Any else None


def _is_verb(call: ast.Call) -> bool:
    """Whether it reads like run.step(load, …), which gives what load returns."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "step" and bool(call.args)


def _result_of(value: Any) -> type | None:
    if not is_a(value, FunctionType):
        return None
    value = inspect.unwrap(value)
    annotation = value.__annotations__.get("return")
    return None if annotation is None else class_named_by(annotation, value)


def _kind_of_field(owner: type, name: str, function: FunctionType) -> type | None:
    for each in owner.__mro__:
        annotations = vars(each).get("__annotations__")
        # Of `type` itself, and of classes from C, it is a descriptor.
        if isinstance(annotations, dict) and name in annotations:
            return class_named_by(annotations[name], function)
    return None


def _first(function: FunctionType) -> str:
    return next(iter(function.__code__.co_varnames[: function.__code__.co_argcount]), "")


def _class_around(function: FunctionType) -> type | None:
    """Return the class in which a method is written; None for a plain function."""
    found: Any = function.__globals__
    for part in function.__qualname__.split(".")[:-1]:
        found = (found if isinstance(found, dict) else vars(found)).get(part)
        if not isinstance(found, type):
            return None
    return found if isinstance(found, type) else None


def _imported_meaning(dotted: str) -> Meaning:
    """Return what was imported inside a function, of modules that are loaded: nothing is imported."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            found = meaning_of(module)
            for part in parts[count:]:
                found = found.member(part)
            return Meaning(found.value, found.kind, (dotted, *found.names), found.is_property)
    return Meaning(names=(dotted,))


def _imports(nodes: list[ast.AST], function: FunctionType) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, function)
            for alias in node.names:
                yield alias.asname or alias.name, f"{module}.{alias.name}"


def _absolute(node: ast.ImportFrom, function: FunctionType) -> str:
    name = f"{'.' * node.level}{node.module or ''}"
    try:
        return importlib.util.resolve_name(name, function.__globals__.get("__package__") or "")
    except ImportError:
        return name


def _assigned(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return the values that each name is given; of a name that a loop, a `with` or an unpacking
    gives something, one value too many."""
    found: dict[str, list[ast.expr]] = {}
    plain: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
                    plain.add(id(target))
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in plain:
            found.setdefault(node.id, []).extend([node, node])
    return found


def _annotated(nodes: list[ast.AST]) -> dict[str, ast.expr]:
    """Return the annotations of locals, and of what inner functions take."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        if isinstance(node, ast.arg) and node.annotation is not None:
            found[node.arg] = node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node.annotation
    return found


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
