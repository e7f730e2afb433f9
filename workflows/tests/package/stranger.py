"""A stranger's machine: the wheel, a virtual environment without this repository, a PostgreSQL."""

import importlib.util
import os
import shutil
import signal
import site
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from ops.process import before_exec, kill_group
from workflows.tests.cluster.postgres import Postgres

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60.0
PIP = """#!{python}
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""
"""Seconds faster than a copy of its own; it installs where its Python lives."""
CREATEDB = """#!{python}
import sys, psycopg
psycopg.connect("dbname=toolsite", autocommit=True).execute(f'CREATE DATABASE "{{sys.argv[1]}}"')
"""


def build_wheel(folder: Path) -> Path:
    """Build the distribution out of a copy, without network, and return the wheel."""
    source = folder / "source"
    shutil.copytree(ROOT / "workflows", source / "workflows", ignore=ignored)
    (source / "docs").mkdir()
    for name in ["pyproject.toml", "LICENSE", "docs/another-project.md"]:
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    run([*command, str(source)], cwd=folder, env=dict(os.environ))
    [wheel] = folder.glob("*.whl")
    return wheel


def ignored(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def run(command: list[str], *, cwd: Path, env: dict[str, str]) -> str:
    """Run a command and return what it said; fail with all of it where the command fails."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class Stranger:
    """Somebody with an empty folder, who has never seen this repository."""

    def __init__(self, folder: Path) -> None:
        self.home = self.folder = folder / "home"
        self.home.mkdir()
        self.services: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []
        self._venv = folder / "venv"
        self._wheels = build_wheel(folder).parent
        self._make_venv()
        self.postgres = Postgres()
        self.postgres.start()
        self.env = self._environment()

    def _make_venv(self) -> None:
        """Make an environment that sees what the tests' own one has, but not this repository."""
        base = getattr(sys, "_base_executable", sys.executable)
        has_pip = importlib.util.find_spec("pip") is not None
        make = [base, "-m", "venv", *(["--without-pip"] if has_pip else []), str(self._venv)]
        run(make, cwd=self.home, env=dict(os.environ))
        [packages] = self._venv.glob("lib/python*/site-packages")
        (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        if has_pip:
            self._program("pip", PIP)
        self._program("createdb", CREATEDB)  # not every PostgreSQL of the tests has one

    def _program(self, name: str, text: str) -> None:
        path = self._venv / "bin" / name
        path.write_text(text.format(python=self._venv / "bin" / "python"))
        path.chmod(0o755)

    def _environment(self) -> dict[str, str]:
        programs = [self._venv / "bin", Path(sys.executable).parent, os.environ["PATH"]]
        return {
            "PATH": os.pathsep.join(map(str, programs)),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PGHOST": str(self.postgres.server.socket),
            "PGUSER": "toolsite",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(self._wheels),
            "PIP_NO_INDEX": "1",
        }

    def enter(self, name: str) -> "Stranger":
        """Go to an empty folder, having left nothing running in the one before."""
        self.stop()
        self.services, self.logs = [], []
        self.folder = self.home / name
        self.folder.mkdir()
        return self

    def type(self, text: str) -> str:
        """Type lines into a shell and return what they said."""
        return run(["bash", "-e", "-u", "-c", text], cwd=self.folder, env=self.env)

    def leave_running(self, text: str) -> None:
        """Type a line whose program goes on, in a terminal of its own."""
        log = self.folder / f"service-{len(self.services)}.log"
        self.logs.append(log)
        with log.open("wb") as out:
            self.services.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {text}"],
                    cwd=self.folder,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    preexec_fn=before_exec(signal.SIGKILL),
                )
            )

    def append(self, file: str, text: str) -> None:
        """Write text to the end of a file."""
        with (self.folder / file).open("a") as out:
            out.write(text)

    def rows(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """Ask the stranger's database."""
        where = f"host={self.env['PGHOST']} user={self.env['PGUSER']} dbname={database}"
        with psycopg.connect(where) as own:
            return own.execute(sql.encode()).fetchall()

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Ask until it is so; fail with the logs where it takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what}\n{self.words()}")
            time.sleep(0.05)

    def words(self) -> str:
        """Return what the services have written."""
        return "\n".join(log.read_text(errors="replace")[-4000:] for log in self.logs)

    def stop(self) -> None:
        """Stop the services in order."""
        for service in self.services:
            service.terminate()
        for service in self.services:
            service.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Leave nothing."""
        for service in self.services:
            if service.poll() is None:
                service.kill()
                service.wait()
            kill_group(service)
        self.postgres.close()
