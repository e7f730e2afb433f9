"""python3 run.py with real processes: it starts everything once, and stops everything always."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from ops.free_port import free_port
from ops.places import ROOT
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.live_site import database_url

WAIT_SECONDS = 60
STOP_WITHIN_SECONDS = 5
IS_LINUX = sys.platform == "linux"


class Started:
    """One `python3 run.py` on a data folder of its own."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = subprocess.Popen(
            [*run_py(), "--port", str(self.port), "--workers", "2", *arguments],
            env=environment(folder, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_running(self) -> str:
        """Wait for the last line of the welcome and return all of it."""
        said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("Logs: "):
                return "".join(said)
        raise AssertionError(f"run.py ended: {''.join(said)}")

    def answers(self) -> bool:
        """Say whether its web server answers."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asked.request("GET", "/healthz")
            return asked.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()

    def stop(self, how: int) -> float:
        """Send a signal and return after how many seconds run.py is gone."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(WAIT_SECONDS)
        seconds = time.monotonic() - began
        if self.process.stdout is not None:
            self.process.stdout.close()
        return seconds

    def processes(self) -> list[int]:
        """Return every process that belongs to this data folder, run.py left out."""
        return [pid for pid in pids_naming(self.folder) if pid != self.process.pid]

    def process_named(self, part: str) -> int:
        """Return the main process of a service: the child of run.py with this in its command."""
        for pid in self.processes():
            is_child = parent_of(pid) == self.process.pid
            if is_child and part in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
        raise AssertionError(f"no process of {part}")


def run_py() -> list[str]:
    return [sys.executable, str(ROOT / "run.py")]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment without settings, but for a data folder and what is named."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOOLSITE_") and name not in {"DATABASE_URL", "EMAIL_URL"}
    }
    return {**clean, "TOOLSITE_DATA_DIR": str(folder), **variables}


def once(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run run.py to its end."""
    return subprocess.run(
        [*run_py(), *arguments],
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def pids_naming(folder: Path) -> list[int]:
    """Return living processes that have a folder in their environment or command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            is_zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if str(folder).encode() in told and not is_zombie:
            found.append(int(entry.name))
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until_gone(started: Started) -> None:
    deadline = time.monotonic() + STOP_WITHIN_SECONDS
    while started.processes():
        assert time.monotonic() < deadline, started.processes()
        time.sleep(0.02)


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """Yield a data folder that every user can reach, as PostgreSQL's may need."""
    path = Path(tempfile.mkdtemp(prefix="toolsite-run-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        for pid in pids_naming(path):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a data folder of the test's own."""
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def own(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnSite]:
    """Return a database that no test touches."""
    with django_db_blocker.unblock():
        site = OwnSite("run", {})
        yield site
        site.close()
        connection.close()


@pytest.fixture(scope="module")
def started(own: OwnSite) -> Iterator[Started]:
    """Return one that runs, for all tests that leave it so."""
    with data_folder() as folder:
        url = own.env["DATABASE_URL"]
        started = Started(folder, DATABASE_URL=url, TOOLSITE_RESERVATION_SECONDS="77")
        started.wait_until_running()
        yield started
        started.stop(signal.SIGTERM)


@pytest.mark.django_db(transaction=True)
def test_the_first_start_shows_the_accounts_and_the_next_one_does_not(folder: Path) -> None:
    first = Started(folder, DATABASE_URL=database_url())
    shown = first.wait_until_running()
    first.stop(signal.SIGTERM)
    second = Started(folder, DATABASE_URL=database_url())
    shown_again = second.wait_until_running()
    second.stop(signal.SIGTERM)

    kept = folder / "demo-accounts.txt"
    assert re.search(r"http://127\.0\.0\.1:\d+/", shown)
    assert "admin@example.com" in shown
    assert kept.read_text() in shown
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "@example.com" not in shown_again


@pytest.mark.crash
@pytest.mark.skipif(not IS_LINUX, reason="reads /proc")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_within_five_seconds(folder: Path, how: int) -> None:
    started = Started(folder, DATABASE_URL=database_url())
    started.wait_until_running()

    seconds = started.stop(how)

    assert seconds < STOP_WITHIN_SECONDS
    assert started.processes() == []
    assert not (folder / "site.json").exists()


@pytest.mark.crash
@pytest.mark.skipif(not IS_LINUX, reason="only Linux tells children that their parent died")
def test_killing_run_py_leaves_no_process_and_the_next_start_finds_all_data(folder: Path) -> None:
    killed = Started(folder)
    killed.wait_until_running()
    assert {"granian", "runcluster", "postgres"} <= services_of(killed)

    killed.stop(signal.SIGKILL)

    wait_until_gone(killed)
    again = Started(folder)
    assert "@example.com" not in again.wait_until_running()
    again.stop(signal.SIGTERM)
    assert again.processes() == []


def services_of(started: Started) -> set[str]:
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in started.processes()]
    names = ["granian", "runcluster", "postgres"]
    return {name for name in names for command in commands if name in command}


@pytest.mark.crash
@pytest.mark.skipif(not IS_LINUX, reason="reads /proc")
def test_a_web_server_that_dies_is_started_again(started: Started) -> None:
    os.kill(started.process_named("granian"), signal.SIGKILL)

    assert started.process.stdout is not None
    assert started.process.stdout.readline().startswith("web ended (killed by SIGKILL)")
    deadline = time.monotonic() + WAIT_SECONDS
    while not started.answers():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_start_in_the_same_folder_says_that_one_is_running(
    started: Started, own: OwnSite
) -> None:
    url = own.env["DATABASE_URL"]

    second = once(started.folder, "--port", str(free_port()), DATABASE_URL=url)

    assert second.returncode == 2
    assert second.stderr.startswith(f"run.py: the site is running already at {url_of(started)}")
    assert len(second.stderr.splitlines()) == 1


def url_of(started: Started) -> str:
    return f"http://127.0.0.1:{started.port}"


def test_manage_uses_the_running_sites_settings(started: Started, own: OwnSite) -> None:
    code = (
        "import json, sys; from django.conf import settings; "
        "sys.stdout.write(json.dumps([settings.SUBMISSIONS['reservation_seconds'], "
        "settings.DATABASES['default']['NAME'], settings.SITE_URL]))"
    )

    done = once(started.folder, "manage", "shell", "--no-imports", "-c", code)

    assert json.loads(done.stdout) == [77, own.name, url_of(started)]


def test_manage_without_a_site_says_what_to_start(folder: Path) -> None:
    done = once(folder, "manage", "check")

    assert done.returncode == 2
    assert "start it in another terminal with `python3 run.py`" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["startapp", "startworkflow"])
def test_source_is_written_without_a_site(folder: Path, command: str) -> None:
    done = once(folder, "manage", command, "--help")

    assert done.returncode == 0
    assert f"usage: manage.py {command}" in done.stdout


def test_the_tests_of_a_new_app_are_collected(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/tests.py").write_text("def test_new() -> None:\n    pass\n")
    (tmp_path / "orders/test_flows.py").write_text("def test_flow() -> None:\n    pass\n")

    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert "orders/tests.py::test_new" in collected
    assert "orders/test_flows.py::test_flow" in collected


def test_a_port_that_is_taken_is_one_clear_line(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]

        done = once(folder, "--port", str(port))

    assert done.returncode == 2
    assert done.stderr.startswith(f"run.py: port {port} cannot be used")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_wrong_environment_is_one_clear_line(folder: Path) -> None:
    done = once(
        folder,
        "--port",
        str(free_port()),
        DATABASE_URL=database_url(),
        TOOLSITE_RESERVATION_SECONDS="soon",
    )

    assert done.returncode == 2
    assert done.stderr.startswith("toolsite: TOOLSITE_RESERVATION_SECONDS must be a whole number")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["tset"],
        ["--prot", "1"],
        ["--port", "many"],
        ["--port", "0"],
        ["--workers", "0"],
        ["--slots", "0"],
        ["--pool", "default,gpu"],
    ],
)
def test_a_command_it_does_not_know_is_one_line(folder: Path, arguments: list[str]) -> None:
    done = once(folder, *arguments)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert arguments[0] in done.stderr


def test_an_old_python_gets_a_sentence(folder: Path) -> None:
    lines = (ROOT / "run.py").read_text().splitlines()
    pretend = "import sys; sys.version_info = (3, 8, 1); "
    script = f"{pretend}exec(compile({chr(10).join(lines)!r}, 'run.py', 'exec'))"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert (
        done.stderr == "run.py: this needs Python 3.11 or newer, not 3.8; try: python3.11 run.py\n"
    )
