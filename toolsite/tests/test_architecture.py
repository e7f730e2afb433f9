"""Who may import whom. The table is the architecture; docs/architecture.md quotes it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "conf": set(),
    "signals": set(),
    "definitions": {"core"},
    "source": {"core", "definitions"},
    "models": {"core"},
    "store": {"core", "models"},
    "engine": {"core", "conf", "signals", "definitions", "source", "store"},
    "cluster": {"core", "conf", "signals", "store", "engine"},
    "observe": {"signals"},
    "api": {"core", "signals", "definitions", "store", "engine"},
    "tasks": {"engine", "cluster"},
    "ui": set(),
    "templatetags": {"ui"},
    "admin": {"api", "models", "ui"},
    "management": {"api", "conf", "engine", "cluster"},
    "testing": {"api", "core", "conf", "models", "definitions", "store", "engine"},
    "checks": {"conf", "definitions", "source"},
    "apps": {"checks", "observe"},
}
"""A room of the engine: the rooms it may import. A room always sees itself."""

PURE_LIBRARIES = {
    "base64",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "inspect",
    "itertools",
    "json",
    "math",
    "pydantic",
    "pydantic_core",
    "re",
    "traceback",
    "types",
    "typing",
    "uuid",
}
IMPURE_CALLS = {
    "now",
    "utcnow",
    "today",
    "time",
    "monotonic",
    "random",
    "uuid1",
    "uuid4",
    "urandom",
    "sleep",
}
ENVIRONMENT_READERS = {
    "toolsite/settings.py": "hands the whole environment to toolsite.env",
    "toolsite/wsgi.py": "names the settings module",
}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50


def imports(path: Path) -> Iterator[str]:
    """Yield every module the file imports, deferred imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(app: str) -> Iterator[tuple[str, Path]]:
    """Yield (room, file) for an app's own code: its tests and migrations are left out."""
    for path in sorted((ROOT / app).rglob("*.py")):
        room = path.relative_to(ROOT / app).parts[0].removesuffix(".py")
        if room not in {"tests", "migrations", "__init__"}:
            yield room, path


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_room_of_the_engine_is_in_the_table() -> None:
    rooms = {room for room, _ in sources("workflows")}

    assert rooms - set(MAY_IMPORT) == set()


def test_rooms_of_the_engine_import_only_the_rooms_below() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for room, path in sources("workflows")
        for name in imports(path)
        if name.startswith("workflows.") and name.split(".")[1] not in MAY_IMPORT[room] | {room}
    ]

    assert wrong == []


def test_the_table_has_no_cycle() -> None:
    left = {room: set(below) for room, below in MAY_IMPORT.items()}

    while free := [room for room, below in left.items() if not below & set(left)]:
        for room in free:
            del left[room]

    assert left == {}


def test_the_engine_knows_nothing_of_the_site() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for _, path in sources("workflows")
        for name in imports(path)
        if name.split(".")[0] in {"submissions", "toolsite", "ops"}
    ]

    assert wrong == []


def test_the_site_enters_the_engine_by_its_front_door_and_its_pages_by_the_ui() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for _, path in sources("submissions")
        for name in imports(path)
        if name.startswith("workflows")
        and not f"{name}.".startswith(("workflows.api.", "workflows.ui."))
    ]

    assert wrong == []


def test_only_the_cluster_room_knows_django_q() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for app in ["workflows", "submissions", "toolsite"]
        for room, path in sources(app)
        for name in imports(path)
        if name.startswith("django_q") and (app, room) != ("workflows", "cluster")
    ]

    assert wrong == []


def test_core_imports_nothing_from_outside() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in (ROOT / "workflows/core").glob("*.py")
        for name in imports(path)
        if not name.startswith("workflows.core.")
        and name != "django.db.models.TextChoices"
        and name.split(".")[0] not in PURE_LIBRARIES
    ]

    assert wrong == []


def test_core_asks_no_clock_and_no_chance() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} calls {called}"
        for path in (ROOT / "workflows/core").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (called := getattr(node.func, "attr", getattr(node.func, "id", ""))) in IMPURE_CALLS
    ]

    assert wrong == []


def test_only_the_settings_read_the_environment() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for app in ["workflows", "submissions", "toolsite"]
        for _, path in sources(app)
        if name_of(path) not in ENVIRONMENT_READERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]

    assert wrong == []


def test_what_run_py_is_made_of_needs_only_the_standard_library() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in [ROOT / "run.py", *(ROOT / "ops").glob("*.py")]
        for name in imports(path)
        if name.split(".")[0] in {"django", "psycopg", "requests", "workflows", "submissions"}
        or name.startswith("toolsite.")
    ]

    assert wrong == []


@pytest.mark.parametrize("app", ["workflows", "submissions", "toolsite", "ops"])
def test_files_and_functions_stay_small(app: str) -> None:
    long_files = [
        name_of(path)
        for _, path in sources(app)
        if len(path.read_text().splitlines()) > MAX_FILE_LINES
    ]
    long_functions = [
        f"{name_of(path)}: {node.name}"
        for _, path in sources(app)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert (long_files, long_functions) == ([], [])
