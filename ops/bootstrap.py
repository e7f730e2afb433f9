"""The .venv: made, filled, and made again where an earlier attempt was cut short."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops.locks import lock_folder
from ops.places import PYTHON, ROOT, VENV, say
from ops.process import run, run_or_refuse
from ops.refusal import Refused

UNFINISHED = VENV / ".unfinished"
"""Present while something is being installed; found at a start, nothing in .venv is trusted."""

ALSO_HOLDS = {"requirements-dev.txt": ["requirements.txt"]}
"""Compiled to the same pins, so that what needs the first has the second too."""


def ensure(requirements: str) -> None:
    """Make .venv hold exactly what the requirements file says. Quick where it does already."""
    if is_installed(requirements):
        return
    lock = lock_folder(ROOT)
    try:
        if not is_installed(requirements):
            make_venv()
            say(f"Installing {requirements} into .venv (once) …")
            install(requirements)
    finally:
        os.close(lock)


def ensure_optional(requirements: str) -> bool:
    """Install what may not exist for this machine; say whether it is there now."""
    if is_installed(requirements):
        return True
    lock = lock_folder(ROOT)
    try:
        say(f"Installing {requirements} into .venv (once) …")
        install(requirements, dependencies=False)
    except Refused:
        return False
    finally:
        os.close(lock)
    return True


def is_installed(requirements: str) -> bool:
    """Say whether this file's pins were installed by this Python."""
    stamp = stamp_path(requirements)
    return (
        PYTHON.exists()
        and not UNFINISHED.exists()
        and stamp.exists()
        and stamp.read_text() == fingerprint(requirements)
    )


def stamp_path(requirements: str) -> Path:
    """Return the file that says which pins were installed."""
    return VENV / f".installed-{requirements}"


def fingerprint(requirements: str) -> str:
    """Return what the stamp must hold: another pin or another Python gives another one."""
    pins = (ROOT / requirements).read_bytes()
    return hashlib.sha256(sys.version.encode() + pins).hexdigest()


def make_venv() -> None:
    """Make .venv unless there is a whole one."""
    if not UNFINISHED.exists() and is_whole():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv")
    python = getattr(sys, "_base_executable", sys.executable)
    if uv:
        run_or_refuse([uv, "venv", "-q", "--python", python, VENV], doing="Making .venv")
        return
    refuse_without_venv_module()
    VENV.mkdir()
    UNFINISHED.touch()
    run_or_refuse([python, "-m", "venv", VENV], doing="Making .venv")
    UNFINISHED.unlink()


def is_whole() -> bool:
    """Say whether .venv has a Python of our version that runs, and something to install with."""
    if not PYTHON.exists():
        return False
    code = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not shutil.which("uv"):
        code = f"import pip; {code}"
    return subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode == 0


def refuse_without_venv_module() -> None:
    """Name the package that is missing where the distribution splits venv off."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    version = "{}.{}".format(*sys.version_info[:2])
    raise Refused(
        f"this Python cannot make virtual environments; install python{version}-venv "
        f"(Debian, Ubuntu: apt install python{version}-venv) or uv, then run this again."
    )


def install(requirements: str, *, dependencies: bool = True) -> None:
    """Install a file's pins and stamp them."""
    stamp_path(requirements).unlink(missing_ok=True)
    UNFINISHED.touch()
    code = run([*installer(), *([] if dependencies else ["--no-deps"]), "-r", requirements])
    UNFINISHED.unlink()
    if code:
        raise Refused(f"Installing {requirements} failed (exit code {code}); see the lines above.")
    for name in [requirements, *ALSO_HOLDS.get(requirements, [])]:
        stamp_path(name).write_text(fingerprint(name))


def installer() -> list[str | Path]:
    """Return the command that installs into .venv: uv where the machine has it, else pip."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "-q", "--python", PYTHON]
    return [PYTHON, "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check"]
