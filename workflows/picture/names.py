"""What expressions of one function stand for, as far as a picture needs it."""

import ast
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from workflows.definitions.functions import RunContext
from workflows.definitions.step import StepDefinition
from workflows.definitions.workflow import WorkflowDefinition
from workflows.source.scope import Scope

LONGEST_TEXT = 80
_DEEPEST = 5
"""Names that stand for names."""
_GROWING = ("append", "add", "extend", "insert", "setdefault")
_HOLDERS = ast.Lambda | ast.List | ast.Tuple | ast.Dict | ast.Starred | ast.Call


class Names:
    """Looks up what a function's code names. body: its statements; runs: the names its run has."""

    def __init__(self, function: FunctionType, body: list[ast.stmt], runs: frozenset[str]) -> None:
        nodes = [node for top in body for node in ast.walk(top)]
        self._scope = Scope(function, nodes)
        self._function = function
        self._given = _given(nodes)
        self.local_functions = {
            node.name: node
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.starts_children = any(_is_named(node, "start_child", "children") for node in nodes)
        self.runs = runs | {
            name
            for name, values in self._given.items()
            if values and all(isinstance(each, ast.Name) and each.id in runs for each in values)
        }

    def is_run(self, node: ast.expr) -> bool:
        """Whether this is the run, by its name or its annotation."""
        if isinstance(node, ast.Name) and node.id in self.runs:
            return True
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        kind = self._scope.meaning(node).kind
        return kind is not None and issubclass(kind, RunContext)

    def verb(self, called: ast.expr) -> tuple[str, dict[str, ast.expr]]:
        """Return "step" of what is called as `run.step`, and the options of `run.call.using(…)`;
        "" for what is no verb of the run."""
        options: dict[str, ast.expr] = {}
        if isinstance(called, ast.Call) and _is_named(called.func, "using"):
            options = {each.arg: each.value for each in called.keywords if each.arg}
            called = called.func.value  # type: ignore[attr-defined]
        if isinstance(called, ast.Name):
            values = self._given.get(called.id, [])
            called = values[0] if len(values) == 1 else called
        if isinstance(called, ast.Attribute):
            if self.is_run(called.value):
                return called.attr, options
            owner = called.value
            if _is_named(owner, "actions") and self.is_run(owner.value):  # type: ignore[attr-defined]
                return f"actions.{called.attr}", options
        return "", options

    def value(self, node: ast.expr) -> Any:
        """Return the function or class that an expression stands for; an object of no use here where
        only a run would tell."""
        return self._scope.meaning(node).value

    def is_object(self, node: ast.expr) -> bool:
        """Whether this is an object of a class that is known."""
        return self._scope.meaning(node).kind is not None

    def step(self, node: ast.expr) -> StepDefinition | None:
        """Return the step that an expression names."""
        found = vars(self.value(node)).get("step_definition") if self._is_plain(node) else None
        return found if isinstance(found, StepDefinition) else None

    def workflow(self, node: ast.expr) -> WorkflowDefinition | None:
        """Return the workflow that an expression names."""
        found = vars(self.value(node)).get("workflow_definition") if self._is_plain(node) else None
        return found if isinstance(found, WorkflowDefinition) else None

    def _is_plain(self, node: ast.expr) -> bool:
        return issubclass(type(self.value(node)), FunctionType)

    def assigned(self, node: ast.expr) -> list[ast.expr]:
        """Return what a local name is given or is made to hold, in the order of the code; nothing for
        anything else."""
        return self._given.get(node.id, []) if isinstance(node, ast.Name) else []

    def handed_on(self, call: ast.Call) -> frozenset[int | str]:
        """Return the places and names of the arguments that are the run; -1 where it is inside one."""
        found: set[int | str] = set()
        given = [*enumerate(call.args), *((each.arg or -1, each.value) for each in call.keywords)]
        for place, each in given:
            if self.is_run(each):
                found.add(place)
            elif self._holds_run(each):
                found.add(-1)
        return frozenset(found)

    def _holds_run(self, node: ast.expr) -> bool:
        """Whether a list, a lambda or a partial hands the run on, and not only what was read of it."""
        if not isinstance(node, _HOLDERS):
            return False
        nodes = list(ast.walk(node))
        owners = {id(each.value) for each in nodes if isinstance(each, ast.Attribute)}
        is_lambda = isinstance(node, ast.Lambda)
        bare = [each for each in nodes if isinstance(each, ast.Name)]
        return any(self.is_run(each) and (is_lambda or id(each) not in owners) for each in bare)

    def texts(self, node: ast.expr | None, depth: int = 0) -> tuple[str, ...] | None:
        """Return the text, or the texts of a list, that an expression stands for; None where only a
        run would tell."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return (node.value,)
        if isinstance(node, ast.List | ast.Tuple):
            found = [self.texts(each, depth) for each in node.elts]
            return None if None in found else tuple(name for each in found for name in each or ())
        if isinstance(node, ast.Name) and depth < _DEEPEST:
            values = self.assigned(node)
            if len(values) == 1:
                return self.texts(values[0], depth + 1)
            if not values and self._scope.is_of_module(node.id):
                return _as_texts(self._function.__globals__.get(node.id))
        return None

    def alternatives(
        self, node: ast.expr, seen: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, ast.expr]]:
        """Yield what `a if b else c`, or a name that was given that, may be: each with its condition.
        seen: names that it stands for."""
        if isinstance(node, ast.IfExp):
            yield from _each(text_of(node.test), self.alternatives(node.body, seen))
            yield from _each(negated(node.test), self.alternatives(node.orelse, seen))
            return
        name = node.id if isinstance(node, ast.Name) else ""
        values = self.assigned(node) if name not in seen and len(seen) < _DEEPEST else []
        if not values:
            yield "", node
        for each in values:
            for more, one in self.alternatives(each, seen | {name}):
                yield more or ("" if len(values) == 1 else text_of(each)), one


def text_of(node: ast.AST | None, longest: int = LONGEST_TEXT) -> str:
    """Return an expression as it is written, in one line, cut where it is long."""
    if node is None:
        return ""
    try:
        told = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        told = "…"
    return told if len(told) <= longest else f"{told[: longest - 1]}…"


def negated(node: ast.expr) -> str:
    """Return the opposite of a condition, as one would write it."""
    return text_of(ast.UnaryOp(op=ast.Not(), operand=node))


def _each(condition: str, found: Iterator[tuple[str, ast.expr]]) -> Iterator[tuple[str, ast.expr]]:
    for more, node in found:
        yield (f"{condition} and {more}" if more else condition), node


def _as_texts(value: Any) -> tuple[str, ...] | None:
    values = value if type(value) in (list, tuple) else [value]
    return tuple(values) if all(type(each) is str for each in values) else None


def _is_named(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in names


def _given(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what each name is given: assigned, appended, put in under a key."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                holder = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(holder, ast.Name):
                    found.setdefault(holder.id, []).append(_keyed(target, node.value))
        elif isinstance(node, ast.NamedExpr | ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Call) and _is_named(node.func, *_GROWING):
            holder = node.func.value  # type: ignore[attr-defined]
            if isinstance(holder, ast.Name):
                found.setdefault(holder.id, []).extend(node.args)
    return found


def _keyed(target: ast.expr, value: ast.expr) -> ast.expr:
    """Return `{key: value}` of what is put in under a key."""
    if isinstance(target, ast.Subscript):
        return ast.copy_location(ast.Dict(keys=[target.slice], values=[value]), value)
    return value
