"""mypy and pyright find every planted mistake, and refuse no correct line and no printed program."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workflows.tests.typing.checkers import Refused, mypy, pyright
from workflows.tests.typing.programs import mistakes, programs


# One test, so that each checker runs once, whichever worker of the test run it falls to.
@pytest.mark.parametrize("check", [mypy, pyright])
def test_every_planted_mistake_is_found_and_nothing_else_is_refused(
    check: Callable[[Path, Path], Refused], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    for name, text in {"mistakes.py": mistakes(), **programs()}.items():
        (tmp_path / name).write_text(text)
    lines = mistakes().splitlines()
    planted = {number for number, line in enumerate(lines, 1) if "  # wrong: " in line}
    assert pytestconfig.cache is not None

    refused = check(tmp_path, pytestconfig.cache.mkdir("programs"))

    found = refused.pop("mistakes.py")
    assert [lines[number - 1] for number in sorted(planted - found.keys())] == []
    assert {lines[n - 1]: why for n, why in found.items() if n not in planted} == {}
    assert refused == {}, "a program of the documentation is refused"


def test_there_are_mistakes_of_every_kind_and_the_programs_are_those_of_the_pages() -> None:
    assert mistakes().count("  # wrong: ") >= 60
    assert {"writing_workflows_page.py", "testing_workflows_page.py"} <= programs().keys()
