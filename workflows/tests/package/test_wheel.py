"""The distribution is the engine, the whole engine, and nothing else."""

import subprocess
import zipfile
from email import message_from_string

import pytest

from workflows.tests.package.stranger import ROOT, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the built distribution."""
    return zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def ours() -> set[str]:
    """Return every file of the engine but its tests, as git or the folder itself knows them."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "workflows"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    files = asked.stdout.split() or [
        path.relative_to(ROOT).as_posix() for path in (ROOT / "workflows").rglob("*.*")
    ]
    return {
        name
        for name in files
        if not name.startswith("workflows/tests/")
        and "__pycache__" not in name
        and (ROOT / name).is_file()
    }


def test_the_wheel_holds_every_file_of_the_engine_but_its_tests(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert held == ours()
    assert {"workflows/py.typed", "workflows/migrations/__init__.py"} <= held
    assert any(name.startswith("workflows/templates/") for name in held)


def test_the_wheel_says_what_it_needs_and_under_which_licence(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    told = message_from_string(wheel.read(name).decode())

    assert (told["Name"], told["License-Expression"]) == ("django-durable-workflows", "MIT")
    assert told["Requires-Python"] == ">=3.11"
    needed = [each for each in told.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert [each.split("<")[0].split(">")[0] for each in needed] == [
        "django",
        "psycopg",
        "django-q2",
        "pydantic",
        "cronsim",
        "tzdata",
    ]
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())
