"""The rooms of rooms.py hold, file by file; and what else keeps the house in order."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolsite.tests.import_rules import circles, imported_names, read_sources, wrong_imports
from toolsite.tests.rooms import MAY_IMPORT

ROOT = Path(__file__).resolve().parents[2]
SOURCES = read_sources(ROOT, ["workflows", "submissions", "toolsite", "ops", "bench"])

PURE_LIBRARIES = {
    "base64",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "cronsim",
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
    "zoneinfo",
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
    "workflows/engine/debugging/prompt.py": "asks which debugger Python is told to use",
    "workflows/testing/hash_seed.py": "hands its environment to the process that replays",
}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50


def files_of(app: str) -> Iterator[Path]:
    """Yield an app's own files: its tests and migrations are left out."""
    for path in sorted((ROOT / app).rglob("*.py")):
        if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
            yield path


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def outside_imports(sources: dict[str, str]) -> list[str]:
    """Say which modules of the engine's core import more than values are made of."""
    return [
        f"{module} imports {name}"
        for module, text in sources.items()
        if module.startswith("workflows.core.")
        for name in sorted(imported_names(text))
        if not name.startswith("workflows.")
        and name != "django.db.models.TextChoices"
        and name.partition(".")[0] not in PURE_LIBRARIES
    ]


def complaints(sources: dict[str, str]) -> list[str]:
    """Say all that is wrong with who imports whom."""
    return [*wrong_imports(sources, MAY_IMPORT), *circles(sources), *outside_imports(sources)]


def test_every_file_imports_only_the_rooms_below_its_own() -> None:
    assert len(SOURCES) > 200
    assert wrong_imports(SOURCES, MAY_IMPORT) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(SOURCES) == []


def test_core_imports_nothing_from_outside() -> None:
    assert outside_imports(SOURCES) == []


PLANTED = [
    ("submissions.moves", "submissions.views"),
    ("submissions.link_check.parse", "submissions.models"),
    ("submissions.models", "submissions.services.withdraw"),
    ("workflows.engine.session.session", "workflows.engine.drive.drive"),
    ("workflows.store.database", "workflows.store.runs"),
    ("toolsite.health", "workflows.store.runs"),
    ("workflows.core.codec", "django.db.models"),
    ("workflows.conf", "submissions.models"),
    # beyond the first eight: a name below what may be imported, a room nobody has named
    ("submissions.views", "workflows.engine.drive.drive"),
    ("ops.places", "toolsite.settings"),
    ("workflows.nowhere", "workflows.conf"),
    ("submissions.views", "workflows.q_cluster"),
]
WAYS = {
    "at the top": "import {name}\n",
    "inside a function": "def later() -> None:\n    from {name} import anything\n",
    "for types only": "if TYPE_CHECKING:\n    from {name} import Anything\n",
}


@pytest.mark.parametrize(("module", "name"), PLANTED, ids=[" to ".join(each) for each in PLANTED])
@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_import_that_is_planted_is_found(module: str, name: str, way: str) -> None:
    planted = SOURCES.get(module, "") + "\n" + WAYS[way].format(name=name)

    told = complaints({**SOURCES, module: planted})

    assert any(module in each for each in told), told


def test_a_relative_import_is_refused() -> None:
    planted = {**SOURCES, "workflows.conf": "from . import signals\n"}

    assert complaints(planted) == ["workflows.conf imports ..signals"]


def test_only_the_cluster_room_knows_django_q() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, text in SOURCES.items()
        for name in sorted(imported_names(text))
        if name.startswith("django_q") and not module.startswith("workflows.cluster.")
    ]

    assert wrong == []


def test_the_link_check_needs_no_django() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, text in SOURCES.items()
        for name in sorted(imported_names(text))
        if name.startswith("django") and module.startswith("submissions.link_check")
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
        for path in files_of(app)
        if name_of(path) not in ENVIRONMENT_READERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]

    assert wrong == []


def test_what_run_py_is_made_of_needs_only_the_standard_library() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in [ROOT / "run.py", *(ROOT / "ops").glob("*.py")]
        for name in imported_names(path.read_text())
        if name.partition(".")[0]
        in {"django", "psycopg", "requests", "workflows", "submissions", "toolsite", "bench"}
    ]

    assert wrong == []


@pytest.mark.parametrize("app", ["workflows", "submissions", "toolsite", "ops", "bench"])
def test_files_and_functions_stay_small(app: str) -> None:
    long_files = [
        name_of(path)
        for path in files_of(app)
        if len(path.read_text().splitlines()) > MAX_FILE_LINES
    ]
    long_functions = [
        f"{name_of(path)}: {node.name}"
        for path in files_of(app)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert (long_files, long_functions) == ([], [])
