"""Documentation that names a setting, state, command, check, error or import is held to the code."""

import ast
import dataclasses
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from ops import cli
from submissions import conf as submissions_conf
from submissions import states as submission_states
from toolsite.env import KNOWN_NAMES
from toolsite.tests import rooms
from workflows import conf as workflows_conf
from workflows.core import errors
from workflows.core.states import RUN_MOVES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def text(name: str) -> str:
    return (DOCS / name).read_text()


def table(page: str, heading: str) -> dict[str, list[str]]:
    """Return the first table under a heading: first cell, without backticks, to the others."""
    under = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in under.splitlines() if line.startswith("|")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in rows[2:]}


def quoted(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def subclasses(kind: type[errors.WorkflowError]) -> Iterator[type[errors.WorkflowError]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_environment_name_has_its_line_and_no_other_is_listed() -> None:
    listed = set(table(text("settings.md"), "Environment"))

    assert listed == KNOWN_NAMES | {"DATABASE_URL", "DIRECT_DATABASE_URL", "EMAIL_URL"}


@pytest.mark.parametrize(
    ("heading", "conf"),
    [
        ("`settings.WORKFLOWS`", workflows_conf.Conf),
        ("`settings.SUBMISSIONS`", submissions_conf.Conf),
    ],
)
def test_every_setting_has_its_line_with_its_default(heading: str, conf: type) -> None:
    listed = table(text("settings.md"), heading)

    defaults = {f.name: f.default for f in dataclasses.fields(conf)}
    assert set(listed) == set(defaults)
    for name, default in defaults.items():
        if isinstance(default, bool):
            assert listed[name][0] == f"`{default}`"
        elif isinstance(default, int | float):
            assert float(listed[name][0]) == default


def test_every_check_id_in_the_code_has_its_line() -> None:
    found = set()
    for app in ["workflows", "submissions", "toolsite"]:
        for path in (ROOT / app).rglob("*.py"):
            if "tests" not in path.relative_to(ROOT).parts:
                found |= set(re.findall(rf'id="({app}\.[EW]\d{{3}})"', path.read_text()))

    assert set(table(text("settings.md"), "Checks")) == found


def test_the_states_of_a_run_and_their_moves_are_the_documented_ones() -> None:
    listed = table(text("states.md"), "Runs")

    assert set(listed) == {state.value for state in RUN_MOVES}
    for state, moves in RUN_MOVES.items():
        assert quoted(listed[state.value][1]) == {move.value for move in moves}


def test_the_states_of_a_submission_and_their_moves_are_the_documented_ones() -> None:
    listed = table(text("states.md"), "Submissions")

    assert set(listed) == {status.value for status in submission_states.MOVES}
    for status, moves in submission_states.MOVES.items():
        assert quoted(listed[status.value][1]) == {move.value for move in moves}


def test_every_command_has_its_line() -> None:
    listed = " ".join(table(text("operations.md"), "Commands"))

    for word in re.findall(r"\| (\w+)", cli.USAGE):
        assert f"python3 run.py {word}" in listed
    ours = [name for name, app in get_commands().items() if app in {"workflows", "submissions"}]
    for name in ours:
        assert f"manage.py {name}" in listed


def test_every_error_code_is_named() -> None:
    page = text("writing-workflows.md")

    every: list[type[errors.WorkflowError]] = [errors.WorkflowError]
    for error in every + list(subclasses(errors.WorkflowError)):
        assert f"`{error.code}`" in page, error


@pytest.mark.parametrize(
    ("heading", "enforced"),
    [
        ("Rooms of the engine", rooms.WORKFLOWS),
        ("Rooms inside the engine", rooms.ENGINE),
        ("Rooms of submissions", rooms.SUBMISSIONS),
        ("Rooms of the site", rooms.TOOLSITE),
    ],
)
def test_the_tables_of_rooms_are_those_that_are_enforced(
    heading: str, enforced: rooms.Table
) -> None:
    listed: dict[str, set[str]] = {}
    for named, (_, may) in table(text("architecture.md"), heading).items():
        listed |= dict.fromkeys(re.findall(r"\w+", named), quoted(may))

    assert listed == {room: may for room, may in enforced.items() if room != "__init__"}


def test_every_file_named_in_the_documentation_exists() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        for name in re.findall(
            r"`((?:workflows|submissions|toolsite|docs|ops)/[\w./-]+)`", page.read_text()
        ):
            assert (ROOT / name).exists(), f"{page.name} names {name}"
        for link in re.findall(r"\]\((?!http)([\w./-]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def words_in_code(text: str) -> Iterator[str]:
    """Yield the comments and the docstrings of a file."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_every_file_that_a_comment_points_to_exists() -> None:
    lost = [
        f"{path.relative_to(ROOT)} points to {name}"
        for app in ["workflows", "submissions", "toolsite", "ops", "bench"]
        for path in (ROOT / app).rglob("*.py")
        for words in words_in_code(path.read_text())
        for name in re.findall(r"(?<![\w/.])(?:\w+/)+\w+\.py\b", words)
        if not any((root / name).exists() for root in (ROOT, ROOT / app, path.parent))
    ]

    assert lost == []


def test_every_test_that_a_guarantee_names_exists() -> None:
    files = {path.name: path for path in (ROOT / "workflows/tests/engine").rglob("test_*.py")}

    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", text("guarantees.md"))

    assert len(named) > 30
    for file, test in named:
        assert file in files, file
        assert not test or f"def {test}(" in files[file].read_text(), test


def test_the_examples_of_writing_workflows_are_valid_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", text("writing-workflows.md"), re.S):
        ast.parse(block)
