"""Read the source of a workflow function for its outline.

It is a reader, not a run: what only a run would tell becomes an unknown step. Functions of the
project that are given the run, methods, and functions inside the workflow are followed.
"""

import ast
from collections.abc import Iterable, Iterator
from types import FunctionType

from workflows.picture.budget import Budget
from workflows.picture.names import Names, text_of
from workflows.picture.parts import Arm, Guarded, Leave, LeaveKind, Loop, Part, inside, is_shown
from workflows.picture.read_expressions import Expressions, branch
from workflows.source.parsing import body_of

_LATER = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
"""What is written here and runs elsewhere."""


def read_function(function: FunctionType, runs: frozenset[str], budget: Budget) -> tuple[Part, ...]:
    """Return what a function does with its run. runs: the names of the run among its parameters."""
    body = body_of(function)
    return Reader(function, Names(function, body, runs), budget, (function,)).block(body)


class Reader(Expressions):
    """Reads one function, or one written inside it."""

    def block(self, body: Iterable[ast.stmt]) -> tuple[Part, ...]:
        """Return the parts of statements, as far as the first that leaves them."""
        found: list[Part] = []
        for each in body:
            found += self._statement(each)
            if found and isinstance(found[-1], Leave):
                break
        return tuple(found)

    def _statement(self, node: ast.stmt) -> Iterator[Part]:
        match node:
            case ast.If():
                yield from self.parts(node.test)
                arms = (("yes", self.block(node.body)), ("no", self.block(node.orelse)))
                yield from branch(text_of(node.test), node.lineno, arms)
            case ast.For() | ast.AsyncFor():
                yield from self.parts(node.iter)
                told = f"for {text_of(node.target, 30)} in {text_of(node.iter, 45)}"
                yield from self._loop(told, node, endless=False)
            case ast.While():
                endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
                yield from self._loop(f"while {text_of(node.test)}", node, endless=endless)
            case ast.Try() | ast.TryStar():
                yield from self._guarded(node)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    yield from self.parts(item.context_expr)
                yield from self.block(node.body)
            case ast.Match():
                yield from self._match(node)
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
                yield from self._leave(node)
            case _ if not isinstance(node, _LATER):
                yield from self.children(node)

    def _loop(
        self, told: str, node: ast.For | ast.AsyncFor | ast.While, *, endless: bool
    ) -> Iterator[Part]:
        test = tuple(self.parts(node.test)) if isinstance(node, ast.While) else ()
        body = (*test, *self.block(node.body))
        otherwise = self.block(node.orelse)
        if any(map(is_shown, body)):
            yield Loop(
                condition=told, line=node.lineno, endless=endless, body=body, otherwise=otherwise
            )
        else:
            yield from otherwise

    def _guarded(self, node: ast.Try | ast.TryStar) -> Iterator[Part]:
        handlers = tuple(
            Arm(label=text_of(each.type) or "anything", body=self.block(each.body))
            for each in node.handlers
        )
        found = Guarded(
            line=node.lineno,
            body=self.block(node.body),
            handlers=handlers,
            otherwise=self.block(node.orelse),
            last=self.block(node.finalbody),
        )
        if any(inside(found)):
            yield found

    def _match(self, node: ast.Match) -> Iterator[Part]:
        yield from self.parts(node.subject)
        arms = []
        for case in node.cases:
            guard = f" if {text_of(case.guard, 40)}" if case.guard else ""
            before = () if case.guard is None else tuple(self.parts(case.guard))
            told = f"{text_of(case.pattern, 40)}{guard}"
            arms.append((told, (*before, *self.block(case.body))))
        if not any(told == "_" for told, _ in arms):
            arms.append(("else", ()))
        yield from branch(f"match {text_of(node.subject)}", node.lineno, arms)

    def _leave(self, node: ast.Return | ast.Raise | ast.Break | ast.Continue) -> Iterator[Part]:
        match node:
            case ast.Return():
                yield from self.parts(node.value)
                yield _leaving(node, LeaveKind.RETURN, node.value)
            case ast.Raise():
                yield from self.parts(node.exc)
                yield _leaving(node, LeaveKind.RAISE, node.exc)
            case ast.Break():
                yield _leaving(node, LeaveKind.BREAK, None)
            case ast.Continue():
                yield _leaving(node, LeaveKind.CONTINUE, None)


def _leaving(node: ast.stmt, kind: LeaveKind, value: ast.expr | None) -> Leave:
    shown = isinstance(value, ast.Constant) or kind == LeaveKind.RAISE
    return Leave(kind=kind, text=text_of(value, 40) if shown else "", line=node.lineno)
