"""Read who imports whom, and say what the table of rooms does not allow.

Works on any tree of sources, so that a wrong import can be planted in a copy. Imports inside
functions and under TYPE_CHECKING count like any other.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from toolsite.tests.rooms import Table

Sources = Mapping[str, str]
"""Each module by its full name, with its text. An app's own package is called app.__init__."""


def read_sources(root: Path, apps: list[str]) -> dict[str, str]:
    """Return the apps' own code: tests and migrations are left out."""
    found = {}
    for app in apps:
        for path in sorted((root / app).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not {"tests", "migrations"} & set(parts):
                found[_module(parts)] = path.read_text()
    return found


def _module(parts: tuple[str, ...]) -> str:
    name = ".".join(parts)
    return name if len(parts) == 2 else name.removesuffix(".__init__")


@cache
def imported_names(text: str) -> frozenset[str]:
    """Return every name that the text imports, with its module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def wrong_imports(sources: Sources, table: Table) -> list[str]:
    """Say which modules stand in no room, and which imports the table does not allow."""
    apps = {"", *(module.partition(".")[0] for module in sources)}
    return [
        *(f"{module} is in no room" for module in sources if _room(module, table) is None),
        *(
            f"{module} imports {name}"
            for module, text in sources.items()
            for name in sorted(imported_names(text))
            if name.partition(".")[0] in apps and not _is_allowed(module, name, sources, table)
        ),
    ]


def circles(sources: Sources) -> list[str]:
    """Return a circle of files that import each other; none where there is none."""
    edges = {
        module: {_target(name, sources) for name in imported_names(text)} - {None, module}
        for module, text in sources.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as found:
        return [" → ".join(reversed(found.args[1]))]
    return []


def _is_allowed(module: str, name: str, sources: Sources, table: Table) -> bool:
    target = _target(name, sources)
    if target is None:
        return False  # it is in the tests, or nowhere, or not written as the whole name
    seen = {below for outer in _outwards(module) for below in table.get(outer, ())}
    same_room = _room(module, table) == _room(target, table)
    return same_room or any(outer in seen for outer in _outwards(target))


def _target(name: str, sources: Sources) -> str | None:
    """Return the module that an imported name is in, None for one that is not ours."""
    own = next((outer for outer in _outwards(name) if outer in sources), None)
    return own or (f"{name}.__init__" if f"{name}.__init__" in sources else None)


def _room(module: str, table: Table) -> str | None:
    return next((outer for outer in _outwards(module) if outer in table), None)


def _outwards(name: str) -> Iterator[str]:
    """Yield the name, then the packages around it, from the inside out."""
    while name:
        yield name
        name = name.rpartition(".")[0]
