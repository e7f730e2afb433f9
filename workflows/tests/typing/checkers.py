"""Runs mypy and pyright over a folder of programs, once each, and returns the lines they refuse."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
Refused = dict[str, dict[int, str]]
"""File name to line to what was said."""


def mypy(folder: Path, cache: Path) -> Refused:
    """Run mypy --strict. cache: a folder that is kept from run to run."""
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--output=json"),
        *("--follow-imports=silent", "--ignore-missing-imports", f"--cache-dir={cache}"),
        *map(str, sorted(folder.glob("*.py"))),
    ]
    ran = _run(command, folder, MYPYPATH=str(ROOT))
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    found: Refused = {}
    for line in ran.stdout.splitlines():
        told = json.loads(line)
        if told["severity"] == "error":
            _add(found, told["file"], told["line"], f"{told['message']} [{told['code']}]")
    return found


def pyright(folder: Path, _cache: Path) -> Refused:
    """Run basedpyright with pyright's standard rules."""
    config = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)], "include": ["."]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [
        *(sys.executable, "-m", "basedpyright", "--outputjson"),
        *("--project", str(folder), "--pythonpath", sys.executable),
    ]
    ran = _run(command, folder)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    found: Refused = {}
    for told in json.loads(ran.stdout)["generalDiagnostics"]:
        if told["severity"] == "error":
            line = told["range"]["start"]["line"] + 1
            _add(found, told["file"], line, f"{told['message']} [{told.get('rule')}]")
    return found


def _add(found: Refused, file: str, line: int, what: str) -> None:
    found.setdefault(Path(file).name, {}).setdefault(line, what)


def _run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **more}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
