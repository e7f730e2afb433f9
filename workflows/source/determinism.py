"""Read the source of workflow functions for what would differ at a replay.

It is a reader, not a proof: it judges names by what they stand for, and follows calls within the
project's own code, in any of its modules. `# workflows: ok` at the end of a line silences it there,
and for what is called there.
"""

import ast
import functools
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import FunctionType

from workflows.source.meanings import Meaning, full_name
from workflows.source.own_code import is_step, own_functions
from workflows.source.parsing import body_of
from workflows.source.rules import CALLED_STEP, ORDER, STATE, Rule, broken_by
from workflows.source.scope import Scope
from workflows.source.sets import walked_sets
from workflows.source.state import changed_outside

SILENCE = "# workflows: ok"
DEEPEST = 10
"""Calls below the workflow's own code that are followed."""
_CALL_WHAT_THEY_GET = ("map", "filter", "sorted", "min", "max")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A place that would break a replay."""

    rule: Rule
    file: str
    line: int
    code: str
    """The name as it is written."""
    through: tuple[str, ...] = field(default=(), compare=False)
    """The functions that the workflow comes there by, the last one first."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What there is in one function."""

    findings: tuple[Finding, ...]
    called: tuple[FunctionType, ...]


def read_workflow(function: FunctionType) -> list[Finding]:
    """Return what breaks replay in a workflow function and the functions of the project that it
    calls, each read once. Nothing where there is no source to read."""
    found: list[Finding] = []
    now: dict[FunctionType, tuple[str, ...]] = {function: ()}
    seen = {function}
    for _ in range(DEEPEST + 1):
        below: dict[FunctionType, tuple[str, ...]] = {}
        for each, through in now.items():
            read = _read(each)
            found += [replace(finding, through=through) for finding in read.findings]
            for called in read.called:
                if called not in seen:
                    seen.add(called)
                    below[called] = (called.__qualname__, *through)
        now = below
    return sorted(found, key=lambda finding: (finding.file, finding.line))


@functools.cache
def _read(function: FunctionType) -> _Read:
    reader = _Reader(function)
    return _Read(findings=tuple(reader.findings()), called=tuple(reader.called()))


class _Reader:
    """Reads one function."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._file = function.__code__.co_filename
        self._body = body_of(function)
        self._nodes = [node for top in self._body for node in ast.walk(top)]
        self._scope = Scope(function, self._nodes)

    def findings(self) -> Iterator[Finding]:
        told: set[tuple[str, int]] = set()
        for rule, node, code in self._suspects():
            place = (rule.id, node.lineno)
            if place not in told and not self._is_silenced(node):
                told.add(place)
                yield Finding(rule=rule, file=self._file, line=node.lineno, code=code)

    def called(self) -> Iterator[FunctionType]:
        """Yield the functions of the project that are called here, or by reading a property."""
        for node in self._run_here():
            if not self._is_silenced(node):
                value = self._scope.meaning(node).value
                yield from own_functions(value, self._function)

    def _run_here(self) -> Iterator[ast.expr]:
        for node in self._nodes:
            if isinstance(node, ast.Call):
                yield node.func
                if isinstance(node.func, ast.Name) and node.func.id in _CALL_WHAT_THEY_GET:
                    yield from (*node.args, *(each.value for each in node.keywords))
            elif isinstance(node, ast.Attribute) and self._scope.meaning(node).is_property:
                yield node

    def _suspects(self) -> Iterator[tuple[Rule, ast.stmt | ast.expr, str]]:
        for walked in walked_sets(self._function, self._nodes):
            yield ORDER, walked, ast.unparse(walked)
        for changed in changed_outside(self._scope, self._nodes):
            yield STATE, changed, ast.unparse(changed)
        called = {id(node) for node in self._run_here()}
        for node in self._nodes:
            if isinstance(node, ast.Global):
                yield STATE, node, f"global {', '.join(node.names)}"
            elif isinstance(node, ast.Nonlocal) and node in self._body:
                yield STATE, node, f"nonlocal {', '.join(node.names)}"
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                rule = self._rule(node, is_called=id(node) in called)
                if rule is not None:
                    yield rule, node, ast.unparse(node)

    def _rule(self, node: ast.Name | ast.Attribute, *, is_called: bool) -> Rule | None:
        meaning = self._scope.meaning(node)
        if is_step(meaning.value):
            return CALLED_STEP if is_called else None
        if isinstance(node, ast.Name):
            return broken_by(meaning.names, "", is_called=is_called)
        if _is_action(node.value) or self._is_read(node, meaning):
            return broken_by(meaning.names, "", is_called=is_called)
        return broken_by(meaning.names, node.attr, is_called=is_called)

    def _is_read(self, node: ast.Attribute, meaning: Meaning) -> bool:
        """Whether it is a method of the project's own, which is read itself; not a model's."""
        kind = self._scope.meaning(node.value).kind
        if kind is None or any(full_name(each) == _MODEL for each in kind.__mro__):
            return False
        return any(own_functions(meaning.value, self._function))

    def _is_silenced(self, node: ast.stmt | ast.expr) -> bool:
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        return any(SILENCE in linecache.getline(self._file, line) for line in lines)


_MODEL = "django.db.models.base.Model"


def _is_action(owner: ast.expr) -> bool:
    """Whether this is `run.actions`, whose members have names of the project's choice."""
    return isinstance(owner, ast.Attribute) and owner.attr == "actions"
