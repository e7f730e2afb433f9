"""What the measurements share: a cluster and a web server on our database, and patience."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ops.places import PYTHON
from ops.process import end, kill_group, spawn
from workflows.api import living_workers

WORKERS = 2
"""Of the cluster, as many processes as the bare loop has."""
PATIENCE_SECONDS = 120


class NotMeasured(Exception):
    """Something did not come or cannot be had; the message says what."""


class Lab:
    """The processes that are measured. Everything it has started is gone after close()."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self._cluster: subprocess.Popen[bytes] | None = None
        self._web: subprocess.Popen[bytes] | None = None

    def size(self, usual: int, quick: int) -> int:
        """Return how much to measure."""
        return quick if self.quick else usual

    def cluster(self) -> subprocess.Popen[bytes]:
        """Return the cluster, started at first use, once all its workers live."""
        if self._cluster is None:
            self._cluster = self._spawn([PYTHON, "manage.py", "runcluster"], "cluster.log")
        self.wait_until(lambda: living_workers() == WORKERS, "the cluster's workers")
        return self._cluster

    def stop_cluster(self) -> None:
        """Stop the cluster, for what is measured without one."""
        if self._cluster is not None:
            stop(self._cluster)
            self._cluster = None

    def start_web(self, command: list[str | Path], answers: Callable[[], bool]) -> None:
        """Start the web server and wait until it answers."""
        self._web = self._spawn(command, "web.log")
        self.wait_until(answers, "the web server")

    @property
    def web_pid(self) -> int:
        """Return the web server's main process."""
        if self._web is None:
            raise NotMeasured("there is no web server")
        return self._web.pid

    def stop_web(self) -> None:
        """Stop the web server."""
        if self._web is not None:
            stop(self._web)
            self._web = None

    def wait_until(self, condition: Callable[[], bool], what: str, *, every: float = 0.02) -> None:
        """Ask, with a pause between, until it is so. Raises NotMeasured."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise NotMeasured(f"waited {PATIENCE_SECONDS} s for {what}\n{self._logs()}")
            time.sleep(every)

    def close(self) -> None:
        """Stop everything."""
        self.stop_web()
        if self._cluster is not None:
            stop(self._cluster)
            self._cluster = None

    def _spawn(self, command: list[str | Path], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as out:
            return spawn(command, log=out)

    def _logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}"
            for log in sorted(self.folder.glob("*.log"))
        )


def stop(child: subprocess.Popen[bytes]) -> None:
    """Stop a process and whatever it leaves behind."""
    end(child, signal.SIGTERM, seconds=10)
    kill_group(child)
