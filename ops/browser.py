"""A Chromium for the browser tests: found, or installed where that is possible."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from ops.places import PYTHON, say
from ops.process import run

NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
DOWNLOADED = ["chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*/Contents/MacOS/*"]
NONE_TO_BE_HAD = (
    "No Chromium could be found or installed, so the browser tests will be skipped. "
    "Install one (Debian: apt install chromium) and run this again."
)


def find_or_install() -> Path | None:
    """Return a browser that runs, installing one first where there is none."""
    found = find()
    if found is None:
        say("Installing Chromium for the browser tests (once) …")
        install()
        found = find()
    if found is None:
        say(NONE_TO_BE_HAD)
    return found


def find() -> Path | None:
    """Return a browser that runs: the system's, else the one Playwright has downloaded."""
    on_path = [Path(path) for name in NAMES if (path := shutil.which(name))]
    for program in [*on_path, *downloaded()]:
        if runs(program):
            return program
    return None


def downloaded() -> list[Path]:
    """Return the browsers that Playwright has downloaded, newest first."""
    usual = "Library/Caches" if platform.system() == "Darwin" else ".cache"
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / usual / "ms-playwright"
    found = [path for pattern in DOWNLOADED for path in Path(folder).glob(pattern)]
    return sorted(found, reverse=True)


def runs(program: Path) -> bool:
    """Say whether it is a browser; Ubuntu has a stub of that name that only talks of snaps."""
    try:
        asked = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def install() -> None:
    """Try to install a browser: Debian's where we may, else Playwright's own."""
    if os.geteuid() == 0 and is_debian():
        apt = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], env=apt)
        packages = ["chromium", "fonts-dejavu-core"]
        if run(["apt-get", "install", "-qq", "--no-install-recommends", *packages], env=apt) == 0:
            return
    system_libraries = ["--with-deps"] if os.geteuid() == 0 else []
    run([PYTHON, "-m", "playwright", "install", *system_libraries, "chromium"])


def is_debian() -> bool:
    """Say whether this is Debian itself: its descendants package Chromium in ways of their own."""
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False
