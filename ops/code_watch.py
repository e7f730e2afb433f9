"""The Python files of the project: have they changed, and does what they say now load?"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from ops.places import PYTHON, ROOT, say
from ops.process import end, spawn
from ops.supervise import Service

LOOK_EVERY_SECONDS = 1.0
NOT_OURS = {"__pycache__", "node_modules", "build", "var"}
"""Folders whose files nobody edits; so are those with a dot in front, .venv among them."""
TRIAL = ["manage.py", "check"]
"""What Python is given to find out whether the code loads."""

Seen = dict[str, tuple[int, int]]


class CodeWatch:
    """Starts a service again once the files have changed, lie still, and load."""

    def __init__(
        self, service: Service, env: Mapping[str, str], log: Path, root: Path = ROOT
    ) -> None:
        self._service, self._env, self._log, self._root = service, env, log, root
        self._running = self._last = seen(root)
        """What the service has read, and what the last look saw."""
        self._looked_at = time.monotonic()
        self._trial: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Look now and then; called at every tick of the supervisor."""
        if self._trial is not None:
            self._hear_the_trial(self._trial)
        elif time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            before, self._last = self._last, seen(self._root)
            # Whoever saves several files is given the time to.
            if self._last != self._running and self._last == before:
                self._running = self._last
                self._trial = self._try_to_load()

    def close(self) -> None:
        """End a trial that is under way."""
        if self._trial is not None:
            end(self._trial, signal.SIGTERM, seconds=1)

    def _try_to_load(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as out:
            return spawn([PYTHON, *TRIAL], env=self._env, log=out)

    def _hear_the_trial(self, trial: subprocess.Popen[bytes]) -> None:
        code = trial.poll()
        if code is None:
            return
        self._trial = None
        name = self._service.name
        if code:
            say(f"Python files changed, but do not load; the {name} keeps its code ({self._log}).")
        else:
            say(f"Python files changed; the {name} starts again with them.")
            self._service.start_again()


def seen(root: Path | str) -> Seen:
    """Return each Python file below a folder with its time and size."""
    found: Seen = {}
    with contextlib.suppress(FileNotFoundError):  # gone meanwhile: the next look sees what is left
        for entry in list(os.scandir(root)):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in NOT_OURS and not entry.name.startswith("."):
                    found |= seen(entry.path)
            elif entry.name.endswith(".py"):
                found[entry.path] = entry.stat().st_mtime_ns, entry.stat().st_size
    return found
