"""Read the source of workflow functions for what would differ at a replay.

It is a reader, not a proof: it follows plain functions of the same module, and judges names by
what they stand for in that module. `# workflows: ok` at the end of a line silences it there.
"""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from workflows.source.parsing import body_of, is_helper
from workflows.source.sets import walked_sets

SILENCE = "# workflows: ok"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that workflow code must not do."""

    id: str
    does: str
    instead: str
    names: tuple[str, ...] = ()
    """Full names; one that ends with a dot stands for every call that begins so."""
    methods: tuple[str, ...] = ()
    """Methods by which it is known whatever they are called on; ".name" is an attribute."""


RULES = (
    Rule(
        id="workflows.W001",
        does="asks the clock",
        instead="use run.now(), which is the same at every replay",
        names=(
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
            *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
            *("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
            *("time.strftime", "time.ctime", "time.process_time", "django.utils.timezone.now"),
            *("django.utils.timezone.localtime", "django.utils.timezone.localdate"),
        ),
    ),
    Rule(
        id="workflows.W002",
        does="sleeps in the worker",
        instead="use run.sleep(seconds), which parks the run and holds nothing",
        names=("time.sleep", "asyncio.sleep"),
    ),
    Rule(
        id="workflows.W003",
        does="asks for chance or a fresh id",
        instead="use run.random() or run.uuid(); make secrets in a step",
        names=(
            *("random.", "secrets.", "numpy.random.", "os.urandom", "os.getrandom"),
            *("uuid.uuid1", "uuid.uuid4", "uuid.uuid7", "django.utils.crypto.get_random_string"),
        ),
    ),
    Rule(
        id="workflows.W004",
        does="reads or changes its machine",
        instead="hand it in as input, or do it in a step",
        names=(
            *("os.environ", "os.getenv", "os.system", "os.listdir", "os.getcwd", "os.getpid"),
            *("builtins.open", "builtins.input", "io.open", "subprocess.", "shutil.", "tempfile."),
            *("socket.gethostname", "platform.node"),
        ),
        methods=("read_text", "write_text", "read_bytes", "write_bytes"),
    ),
    Rule(
        id="workflows.W005",
        does="uses the network",
        instead="do it in a step, with a time limit",
        names=(
            *("requests.", "urllib.request.", "http.client.", "socket.", "smtplib.", "ftplib."),
            *("httpx.", "aiohttp.", "urllib3.", "django.core.mail."),
        ),
    ),
    Rule(
        id="workflows.W006",
        does="uses the database",
        instead="do it in a step; atomic=True makes its writes and its record one commit",
        names=("django.db.connection", "django.db.connections", "django.db.transaction."),
        methods=(
            *(".objects", "._default_manager", "save", "delete", "refresh_from_db", "bulk_create"),
            *("get_or_create", "update_or_create", "select_for_update"),
        ),
    ),
    Rule(
        id="workflows.W007",
        does="keeps state outside the run",
        instead="use local variables, run.data, or a step",
    ),
    Rule(
        id="workflows.W008",
        does="starts threads or processes",
        instead="use run.gather(), run.graph() or run.map()",
        names=("threading.", "_thread.", "concurrent.futures.", "multiprocessing.", "asyncio."),
    ),
    Rule(
        id="workflows.W012",
        does="goes through a set, whose order is another in every process",
        instead="go through sorted(…), or keep a list",
    ),
)
_STATE, _ORDER = (rule for rule in RULES if not rule.names)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A place that would break a replay."""

    rule: Rule
    file: str
    line: int
    code: str
    """The name as it is written."""


def read_workflow(function: FunctionType) -> list[Finding]:
    """Return what breaks replay in a workflow function and the plain functions of its module that
    it calls. Nothing where there is no source to read."""
    found: list[Finding] = []
    left, seen = [function], {function}
    while left:
        reader = _Reader(left.pop())
        found += reader.findings()
        called = [each for each in reader.called() if each not in seen]
        seen.update(called)
        left += called
    return sorted(found, key=lambda finding: (finding.file, finding.line))


class _Reader:
    """Reads one function."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._file = function.__code__.co_filename
        self._body = body_of(function)
        self._nodes = [node for top in self._body for node in ast.walk(top)]
        self._locals = {*function.__code__.co_varnames, *_bound(self._nodes)}
        self._run = next(iter(function.__code__.co_varnames), "")
        self._imported = dict(_imports(self._nodes))

    def findings(self) -> Iterator[Finding]:
        told: set[tuple[str, int]] = set()
        for rule, node, code in self._suspects():
            place = (rule.id, node.lineno)
            if place not in told and not self._is_silenced(node):
                told.add(place)
                yield Finding(rule=rule, file=self._file, line=node.lineno, code=code)

    def called(self) -> Iterator[FunctionType]:
        """Yield the plain functions of this module that are called by name."""
        for node in self._nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                target = self._function.__globals__.get(node.func.id)
                if node.func.id not in self._locals and is_helper(target, self._function):
                    yield target

    def _suspects(self) -> Iterator[tuple[Rule, ast.stmt | ast.expr, str]]:
        for walked in walked_sets(self._function, self._nodes):
            yield _ORDER, walked, ast.unparse(walked)
        calls = {id(node.func) for node in self._nodes if isinstance(node, ast.Call)}
        for node in self._nodes:
            if isinstance(node, ast.Global):
                yield _STATE, node, f"global {', '.join(node.names)}"
            elif isinstance(node, ast.Nonlocal) and node in self._body:
                yield _STATE, node, f"nonlocal {', '.join(node.names)}"
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                rule = self._rule(node, is_called=id(node) in calls)
                if rule is not None:
                    yield rule, node, ast.unparse(node)

    def _rule(self, node: ast.Name | ast.Attribute, *, is_called: bool) -> Rule | None:
        root, path = _chain(node)
        if root == self._run and path:
            return None
        name = self._full_name(root, path)
        for rule in RULES:
            if name is not None and _is_named(name, rule, is_called):
                return rule
            if path and (path[-1] if is_called else f".{path[-1]}") in rule.methods:
                return rule
        return None

    def _full_name(self, root: str, path: list[str]) -> str | None:
        """Return what a dotted name stands for, None where only a run would tell."""
        if root in self._imported:
            return ".".join([self._imported[root], *path])
        if not root or root in self._locals:
            return None
        if root in self._function.__globals__:
            return ".".join([_name_of(self._function.__globals__[root]), *path])
        return ".".join(["builtins", root, *path])

    def _is_silenced(self, node: ast.stmt | ast.expr) -> bool:
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        return any(SILENCE in linecache.getline(self._file, line) for line in lines)


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def _imports(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _chain(node: ast.expr) -> tuple[str, list[str]]:
    """Return the first name of a dotted one and the rest; "" where it begins with a value."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else ""), path


def _name_of(value: Any) -> str:
    """Return the full name of what a global name stands for."""
    if isinstance(value, ModuleType):
        return value.__name__
    kind = type(value)
    owner = getattr(value, "__self__", None)
    if kind.__name__ == "ConnectionProxy":
        return "django.db.connection"
    if kind.__module__ == "os" and kind.__name__ == "_Environ":
        return "os.environ"
    if owner is not None and not isinstance(owner, ModuleType | type):
        return f"{type(owner).__module__}.{getattr(value, '__name__', '')}"
    name = getattr(value, "__qualname__", None)
    return f"{getattr(value, '__module__', None)}.{name}" if name else f"{kind.__module__}.value"


def _is_named(name: str, rule: Rule, is_called: bool) -> bool:
    for forbidden in rule.names:
        if forbidden.endswith("."):
            if is_called and name.startswith(forbidden):
                return True
        elif name == forbidden or (is_called and name.startswith(f"{forbidden}.")):
            return True
    return False
