"""The checks that need no running site."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from ops.places import PYTHON, VENV, say
from ops.process import run

Command = list[str | Path]


def run_all(env: Mapping[str, str]) -> int:
    """Run every check, also after one has failed; return 0 where all passed, else 1."""
    manage: Command = [PYTHON, "manage.py"]
    checks: list[tuple[Command, Mapping[str, str]]] = [
        ([VENV / "bin/ruff", "format", "--check", "."], env),
        ([VENV / "bin/ruff", "check", "."], env),
        ([PYTHON, "-m", "mypy", "."], env),
        ([*manage, "check", "--fail-level", "WARNING"], env),
        ([*manage, "check", "--deploy", "--fail-level", "WARNING"], production(env)),
        ([*manage, "makemigrations", "--check", "--dry-run"], env),
    ]
    failed = [shown(command) for command, its_env in checks if not passes(command, its_env)]
    say(f"Failed: {'; '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def passes(command: Command, env: Mapping[str, str]) -> bool:
    """Run one check and say whether it passed."""
    say(f"$ {shown(command)}")
    return run(command, env=env) == 0


def shown(command: Command) -> str:
    """Return a command as a person would type it."""
    return " ".join([Path(command[0]).name, *[str(part) for part in command[1:]]])


def production(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a site that is set up as it should be."""
    return {
        **env,
        "TOOLSITE_DEBUG": "0",
        "TOOLSITE_SECRET_KEY": secrets.token_urlsafe(50),
        "TOOLSITE_ALLOWED_HOSTS": "tools.example.org",
        "EMAIL_URL": "smtps://tools:secret@mail.example.org",
    }
