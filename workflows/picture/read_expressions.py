"""Read expressions of workflow code for what they ask of its run, and follow what they call."""

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import FunctionType

from workflows.picture.budget import Budget
from workflows.picture.names import Names, negated, text_of
from workflows.picture.parts import (
    Act,
    ActKind,
    Arm,
    Branch,
    Helper,
    Leave,
    LeaveKind,
    Loop,
    Part,
    is_shown,
)
from workflows.picture.verbs import GROUPS, child_end, read_group, read_verb, unknown
from workflows.source.own_code import own_functions
from workflows.source.parsing import body_of

_HARMLESS = ("print", "repr", "str", "id", "isinstance")
"""Python's own functions that ask nothing of a run they are given."""


class Expressions(ABC):
    """Reads the expressions of one function, or of one written inside it."""

    def __init__(
        self, function: FunctionType, names: Names, budget: Budget, above: tuple[object, ...]
    ) -> None:
        self._function = function
        self._names = names
        self._budget = budget
        self._above = above

    @abstractmethod
    def block(self, body: Iterable[ast.stmt]) -> tuple[Part, ...]:
        """Return the parts of statements, as far as the first that leaves them."""

    def parts(self, node: ast.AST | None) -> Iterator[Part]:
        """Yield the parts of an expression, in the order in which it is worked out."""
        match node:
            case None | ast.Lambda():
                return
            case ast.BoolOp():
                yield from self.parts(node.values[0])
                rest = tuple(part for each in node.values[1:] for part in self.parts(each))
                told = (text_of if isinstance(node.op, ast.And) else negated)(node.values[0])
                yield from branch(told, node.lineno, (("yes", rest), ("no", ())))
            case ast.IfExp():
                yield from self.parts(node.test)
                arms = (("yes", self._all(node.body)), ("no", self._all(node.orelse)))
                yield from branch(text_of(node.test), node.lineno, arms)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                yield from self._comprehension(node)
            case ast.Call():
                yield from self._call(node)
            case _:
                yield from self.children(node)

    def _all(self, node: ast.AST | None) -> tuple[Part, ...]:
        return tuple(self.parts(node))

    def children(self, node: ast.AST) -> Iterator[Part]:
        """Yield the parts of all that a node is made of."""
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            children = [node.value]
        for child in children:
            if not isinstance(child, ast.expr_context):
                yield from self.parts(child)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Iterator[Part]:
        first, *others = node.generators
        yield from self.parts(first.iter)
        inner = [*first.ifs, *(each for more in others for each in (more.iter, *more.ifs))]
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        body = tuple(part for each in (*inner, *made) for part in self.parts(each))
        if body:
            told = f"for {text_of(first.target, 30)} in {text_of(first.iter, 45)}"
            yield Loop(condition=told, line=node.lineno, endless=False, body=body)

    def _call(self, call: ast.Call) -> Iterator[Part]:
        verb, _ = self._names.verb(call.func)
        if verb in GROUPS:
            yield self._told(read_group(self._names, verb, call))
            return
        yield from self._given(call)
        if verb == "continue_as_new":
            yield Leave(kind=LeaveKind.ANEW, text="", line=call.lineno)
        elif verb == "on_update":
            yield self._told(self._update(call))
        elif verb:
            part = read_verb(self._names, verb, call)
            if part is not None:
                yield self._told(part)
        elif isinstance(call.func, ast.Attribute) and self._ends_child(call):
            yield self._told(child_end(call, call.func.value))
        else:
            yield from self._called(call)

    def _given(self, call: ast.Call) -> Iterator[Part]:
        """Yield what is done to find out what is called, and with what."""
        if isinstance(call.func, ast.Attribute):
            yield from self.parts(call.func.value)
        elif not isinstance(call.func, ast.Name):
            yield from self.parts(call.func)
        for each in (*call.args, *(given.value for given in call.keywords)):
            yield from self.parts(each)

    def _told(self, part: Part) -> Part:
        self._budget.spend()
        return part

    def _ends_child(self, call: ast.Call) -> bool:
        asks = isinstance(call.func, ast.Attribute) and call.func.attr == "result"
        return asks and not call.args and self._names.starts_children

    def _update(self, call: ast.Call) -> Act:
        told = self._names.texts(call.args[0]) if call.args else None
        handler = call.args[1] if len(call.args) > 1 else None
        body = tuple(self._follow(handler, call, frozenset())) if handler is not None else ()
        names = told or (text_of(call.args[0]) if call.args else "update",)
        return Act(
            kind=ActKind.UPDATE, names=names, line=call.lineno, known=told is not None, body=body
        )

    def _called(self, call: ast.Call) -> Iterator[Part]:
        """Yield what a function of the project does that is given the run, or has it already."""
        given = self._names.handed_on(call)
        found = list(self._follow(call.func, call, given))
        if found:
            yield from found
        elif given and not self._is_read(call.func):
            yield self._told(unknown(call, call.lineno))

    def _is_read(self, called: ast.expr) -> bool:
        """Whether what is called has been read, and does nothing that a picture shows."""
        if isinstance(called, ast.Name) and called.id in self._names.local_functions:
            return not self._budget.is_spent
        if isinstance(called, ast.Name) and called.id in _HARMLESS:
            return True
        functions = list(own_functions(self._names.value(called), self._function))
        is_new = functions and not any(each in self._above for each in functions)
        return bool(is_new) and all(map(body_of, functions)) and not self._budget.is_spent

    def _follow(
        self, called: ast.expr, call: ast.Call, given: frozenset[int | str]
    ) -> Iterator[Part]:
        if self._budget.is_spent:
            return
        name = text_of(called, 40)
        if isinstance(called, ast.Name) and called.id in self._names.local_functions:
            body = self._local(called.id)
        else:
            body = self._elsewhere(called, given)
        if any(map(is_shown, body)):
            yield Helper(name=name, line=call.lineno, body=body)

    def _local(self, name: str) -> tuple[Part, ...]:
        node = self._names.local_functions[name]
        if node in self._above:
            return ()
        reader = type(self)(self._function, self._names, self._budget, (*self._above, node))
        return self._deeper(reader, node.body)

    def _elsewhere(self, called: ast.expr, given: frozenset[int | str]) -> tuple[Part, ...]:
        is_method = isinstance(called, ast.Attribute) and self._names.is_object(called.value)
        if not given and not is_method:
            return ()
        for function in own_functions(self._names.value(called), self._function):
            body = body_of(function)
            if body and function not in self._above:
                runs = _parameters(function, given, is_method=is_method)
                names = Names(function, body, runs)
                reader = type(self)(function, names, self._budget, (*self._above, function))
                return self._deeper(reader, body)
        return ()

    def _deeper(self, reader: "Expressions", body: list[ast.stmt]) -> tuple[Part, ...]:
        self._budget.spend()
        self._budget.depth += 1
        try:
            return reader.block(body)
        finally:
            self._budget.depth -= 1


def branch(
    condition: str, line: int, arms: Iterable[tuple[str, tuple[Part, ...]]]
) -> Iterator[Branch]:
    """Yield a branch, where one of its ways has something."""
    found = tuple(Arm(label=label, body=body) for label, body in arms)
    if any(arm.body for arm in found):
        yield Branch(condition=condition, line=line, arms=found)


def _parameters(
    function: FunctionType, given: frozenset[int | str], *, is_method: bool
) -> frozenset[str]:
    """Return the names by which a function knows the run that it was given."""
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount][1 if is_method else 0 :]
    by_place = {name for place, name in enumerate(positional) if place in given}
    return frozenset(by_place | {each for each in given if isinstance(each, str)})
