"""What run.py understands."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from ops import bootstrap, browser, lint
from ops.places import PYTHON, ROOT, data_dir
from ops.postgres import throw_away_server
from ops.process import run
from ops.refusal import Refused
from ops.site import running_environment, start_site

USAGE = "python3 run.py [--port 8000] [--workers 8] [--slots 16] [--pool NAME] | test | check | bench | manage COMMAND"


NEED_NO_SITE = {"help", "makemigrations", "startapp", "startworkflow"}
"""What manage.py writes into the source, or says, whatever is in the site's database."""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the usage."""

    def error(self, message: str) -> NoReturn:
        """Raise Refused instead of ending the process."""
        raise Refused(f"{message}; usage: {USAGE}")


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit code."""
    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGHUP, unwind)
    try:
        return dispatch(arguments)
    except Refused as refusal:
        sys.stderr.write(f"run.py: {refusal}\n")
        return refusal.exit_code
    except KeyboardInterrupt:
        return 130


def unwind(number: int, frame: FrameType | None) -> NoReturn:
    """End on a signal the way an exception does, so that everything started is stopped."""
    raise SystemExit(128 + number)


def dispatch(arguments: list[str]) -> int:
    """Call the command that is named first; without one, start the site."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "test": test,
        "check": check,
        "bench": bench,
        "manage": manage,
    }
    if arguments and not arguments[0].startswith("-"):
        if arguments[0] not in commands:
            raise Refused(f"there is no command {arguments[0]!r}; usage: {USAGE}")
        return commands[arguments[0]](arguments[1:])
    return start(arguments)


def start(arguments: list[str]) -> int:
    """Start the site."""
    parser = OneLineParser(prog="run.py", usage=USAGE, description="Start the site.")
    parser.add_argument("--port", type=int, default=8000, help="the web server's port (8000)")
    parser.add_argument("--workers", type=int, help="worker processes of the cluster (8)")
    parser.add_argument("--slots", type=int, help="runs that each of them drives at a time (16)")
    parser.add_argument(
        "--pool",
        action="append",
        help="drive these pools only (default); give it again for another",
    )
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.port <= 65535:
        raise Refused(f"--port must be from 1 to 65535, not {chosen.port}")
    if chosen.workers is not None and not 1 <= chosen.workers <= 256:
        raise Refused(f"--workers must be from 1 to 256, not {chosen.workers}")
    if chosen.slots is not None and not 1 <= chosen.slots <= 1000:
        raise Refused(f"--slots must be from 1 to 1000, not {chosen.slots}")
    for pool in chosen.pool or []:
        if not pool.strip() or "," in pool:
            raise Refused(f"--pool must be the name of one pool, not {pool!r}")
    return start_site(
        chosen.port,
        {
            "TOOLSITE_WORKERS": chosen.workers,
            "TOOLSITE_SLOTS": chosen.slots,
            "TOOLSITE_POOLS": ",".join(chosen.pool) if chosen.pool else None,
        },
    )


def test(arguments: list[str]) -> int:
    """Run the tests on a PostgreSQL of their own."""
    bootstrap.ensure("requirements-dev.txt")
    browser.find_or_install()
    with throw_away_server(durable=False) as url:
        command = ["-m", "pytest", *default_processes(arguments), *arguments]
        return run([PYTHON, *command], env=development_environment(url))


AT_ONCE = ["-n", "4", "--dist", "worksteal"]


def default_processes(arguments: list[str]) -> list[str]:
    """Return how many processes test at once, unless the arguments say it or want a debugger.

    One more than the two cores that a machine has at least: many tests wait. Who is done early takes
    over what others have left.
    """
    said = re.compile(r"-n.*|--numprocesses.*|--dist.*|--pdb|--trace|-s|--capture=no|no:xdist")
    return [] if any(said.fullmatch(argument) for argument in arguments) else AT_ONCE


def check(arguments: list[str]) -> int:
    """Run every check that needs no running site: format, lint, types, Django's own."""
    bootstrap.ensure("requirements-dev.txt")
    with throw_away_server(durable=False) as url:
        return lint.run_all(development_environment(url))


def bench(arguments: list[str]) -> int:
    """Measure on a PostgreSQL of its own, which keeps its promises about the disk."""
    if not (ROOT / "bench" / "__main__.py").exists():
        raise Refused("there is no bench/ here.")
    bootstrap.ensure("requirements.txt")
    with throw_away_server(durable=True) as url:
        return run([PYTHON, "-m", "bench", *arguments], env=development_environment(url))


def manage(arguments: list[str]) -> int:
    """Run a manage.py command in the running site's environment."""
    env = {**os.environ, **running_environment()}
    if env.get("DATABASE_URL", "").strip():
        become_manage(arguments, env)
    if arguments and arguments[0] in NEED_NO_SITE:
        return manage_without_site(arguments)
    raise Refused(
        f"no site is running on {data_dir()}; start it in another terminal with "
        "`python3 run.py`, or set DATABASE_URL."
    )


def become_manage(arguments: list[str], env: dict[str, str]) -> NoReturn:
    """Let manage.py take this process's place: its signals, terminal and exit code are its own."""
    env.setdefault("TOOLSITE_DEBUG", "1")
    bootstrap.ensure("requirements.txt")
    os.chdir(ROOT)
    os.execve(PYTHON, [str(PYTHON), "manage.py", *arguments], env)


def manage_without_site(arguments: list[str]) -> int:
    """Run a manage.py command that writes source, on an empty PostgreSQL of its own."""
    bootstrap.ensure("requirements.txt")
    with throw_away_server(durable=False) as url:
        return run([PYTHON, "manage.py", *arguments], env=development_environment(url))


def development_environment(url: str) -> dict[str, str]:
    """Return the environment of tests and measurements: nobody's own settings leak in.

    Nor does a wish that Python keep nothing of what it has compiled: hundreds of processes are started.
    """
    ours = {name: value for name, value in os.environ.items() if not is_setting(name)}
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**ours, "DATABASE_URL": url, "TOOLSITE_DEBUG": "1", "PYTHONUNBUFFERED": "1"}


def is_setting(name: str) -> bool:
    """Say whether a variable configures the site."""
    return name.startswith("TOOLSITE_") or name in {"EMAIL_URL", "DJANGO_SETTINGS_MODULE"}
