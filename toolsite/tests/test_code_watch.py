"""Changed Python files start a service again, once they lie still and load."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import code_watch
from ops.code_watch import CodeWatch, seen
from ops.supervise import python_service
from workflows.tests.builders import until

LOADS = "import shop"


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object) -> list[str]:
    """The new starts that were asked for; code is on trial in a folder of its own."""
    monkeypatch.setattr(code_watch, "LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(code_watch, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(code_watch, "TRIAL", ["-c", LOADS])
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    return []


def watching(folder: Path, starts: list[str]) -> CodeWatch:
    env = {**os.environ, "PYTHONPATH": str(folder)}
    service = python_service("cluster", [], env=env, logs=folder)
    service.start_again = lambda: starts.append("again")  # type: ignore[method-assign]
    return CodeWatch(service, env, folder / "cluster.log", folder)


def looked(watch: CodeWatch, said: Callable[[], str], words: str) -> None:
    """Look until it has said so."""
    heard: list[str] = []

    def asked() -> bool:
        watch.look()
        heard.append(said())
        return words in "".join(heard)

    until(asked)


def test_changed_files_that_load_start_the_service_again_once(
    tmp_path: Path, starts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    watch = watching(tmp_path, starts)
    (tmp_path / "shop/flows.py").write_text("new = True\n")

    looked(watch, lambda: capsys.readouterr().out, "Python files changed; the cluster starts again")
    for _ in range(5):
        watch.look()

    assert starts == ["again"]


def test_files_that_do_not_load_leave_the_service_alone_until_they_do(
    tmp_path: Path, starts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    watch = watching(tmp_path, starts)
    (tmp_path / "shop/__init__.py").write_text("import nowhere_at_all\n")

    looked(watch, lambda: capsys.readouterr().out, "do not load; the cluster keeps its code")
    kept = list(starts)
    (tmp_path / "shop/__init__.py").write_text("mended = 1\n")
    looked(watch, lambda: capsys.readouterr().out, "starts again")

    assert kept == []
    assert starts == ["again"]
    assert "nowhere_at_all" in (tmp_path / "cluster.log").read_text()


def test_nothing_starts_again_while_nothing_changes(tmp_path: Path, starts: list[str]) -> None:
    watch = watching(tmp_path, starts)
    (tmp_path / "notes.txt").write_text("not code")

    for _ in range(5):
        watch.look()

    assert starts == []


def test_what_nobody_edits_is_not_looked_at(tmp_path: Path) -> None:
    for name in [".venv", "var", "__pycache__", "shop"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("")

    assert set(seen(tmp_path)) == {str(tmp_path / "shop/code.py")}
