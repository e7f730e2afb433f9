"""Tests are found by the name of what they test, and each file of them stands on its own."""

import re
from pathlib import Path

from toolsite.tests.import_rules import imported_names

ROOT = Path(__file__).resolve().parents[2]
MIRRORED = ["core", "definitions", "source", "picture", "store", "engine", "cluster"]
"""Rooms of the engine. A module of theirs has its tests at the same path below workflows/tests."""

TESTED_ELSEWHERE = {
    "core/crowd.py": "values, which store/test_standings.py and picture/test_crowd_overlay.py read",
    "core/charts.py": "values, which engine/requests/test_charts.py reads",
    "core/overview.py": "values, which engine/requests/test_overview.py reads",
    "core/why_facts.py": "values and words, which test_why.py and test_why_waits.py read",
    "picture/budget.py": "picture/test_read_expressions.py, which spends it",
    "picture/graph.py": "values, which picture/test_make_graph.py reads",
    "picture/overlay.py": "values, which picture/test_run_overlay.py reads",
    "store/charts.py": "engine/requests/test_charts.py, which asks all of it",
    "store/diagnosis/open_work.py": "doctor/test_runs.py, which makes each fault",
    "store/diagnosis/server.py": "doctor/test_database.py, which makes each fault",
    "store/diagnosis/tables.py": "doctor/test_schema.py, which makes each fault",
    "store/diagnosis/workers.py": "doctor/test_cluster.py, which makes each fault",
    "store/insert.py": "parts of statements, which their own files test",
    "store/isolation.py": "engine/attempts/test_isolation.py, where a transaction is begun",
    "store/overview.py": "engine/requests/test_overview.py, which asks all of it",
    "store/standing.py": "engine/requests/test_why.py, which asks all of it",
}
"""Modules without a test file of their name, and why."""


def test_every_module_of_the_engine_has_a_test_file_of_its_name() -> None:
    without = {
        path.relative_to(ROOT / "workflows").as_posix()
        for room in MIRRORED
        for path in (ROOT / "workflows" / room).rglob("*.py")
        if path.name != "__init__.py" and not file_for(path).exists()
    }

    assert without == set(TESTED_ELSEWHERE)


def file_for(module: Path) -> Path:
    inside = module.relative_to(ROOT / "workflows")
    return ROOT / "workflows/tests" / inside.parent / f"test_{inside.name}"


def test_every_room_of_tests_is_a_room_of_the_code() -> None:
    own = {"crash", "typing", "package", "cluster/releases"}  # tests of no single room

    rooms = {
        path.parent.relative_to(ROOT / "workflows/tests").as_posix()
        for path in (ROOT / "workflows/tests").rglob("test_*.py")
    }

    assert {room for room in rooms - own if not (ROOT / "workflows" / room).is_dir()} == set()


def test_no_test_file_imports_another() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for app in ["workflows", "submissions", "toolsite"]
        for path in (ROOT / app).rglob("*.py")
        for name in sorted(imported_names(path.read_text()))
        if re.search(r"\.tests\.(\w+\.)*test_", name)
    ]

    assert wrong == []
