"""A whole site for a test: a real web server and real clusters on the test's own database."""

import http.client
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from ops.places import PYTHON
from ops.process import kill_group, spawn
from ops.site import HOST, web_command

READY_SECONDS = 60
PORTS = range(21000, 22000)
SECRET_KEY = "live-site-" + "0123456789" * 5


class LiveSite:
    """The processes of one site. Everything it has started is gone after close()."""

    def __init__(self, *, workers: int = 2, settings: Mapping[str, str] | None = None) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="toolsite-live-")
        self.data_dir = Path(self.folder.name)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.web: subprocess.Popen[bytes] | None = None
        self.clusters: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "toolsite.settings",
            "PYTHONUNBUFFERED": "1",
            "TOOLSITE_DATA_DIR": str(self.data_dir),
            "TOOLSITE_DEBUG": "1",
            "TOOLSITE_SECRET_KEY": SECRET_KEY,
            "TOOLSITE_SITE_URL": self.url,
            "TOOLSITE_WORKERS": str(workers),
            **(settings or {}),
        }

    def start(self) -> None:
        """Start a web server and a cluster and wait until the site can serve."""
        self.start_cluster()
        self.start_web()
        self.wait_until_ready()

    def start_web(self) -> None:
        """Start the web server and wait until it answers."""
        self.web = self.spawn(web_command(self.port), "web.log")
        wait_for(lambda: self.status("/healthz") == 200, "the web server to answer", self.logs)

    def start_cluster(self) -> subprocess.Popen[bytes]:
        """Start one more cluster, without waiting for it."""
        name = f"cluster-{len(self.clusters) + 1}.log"
        cluster = self.spawn([PYTHON, "manage.py", "runcluster"], name)
        self.clusters.append(cluster)
        return cluster

    def stop_web(self, how: int = signal.SIGTERM) -> None:
        """Stop the web server."""
        if self.web is not None:
            end(self.web, how)
            self.web = None

    def restart_web(self) -> None:
        """Stop the web server and start it on the same port."""
        self.stop_web()
        self.start_web()

    def stop_cluster(self, how: int = signal.SIGTERM) -> None:
        """Stop the cluster that was started first; SIGKILL leaves it no time to say goodbye."""
        end(self.clusters.pop(0), how)

    def wait_until_ready(self) -> None:
        """Wait until the web server, the database and a cluster are there."""
        wait_for(lambda: self.status("/readyz") == 200, "the site to be ready", self.logs)

    def status(self, path: str) -> int:
        """Return the status of a page, 0 where nothing answers."""
        asked = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            asked.request("GET", path)
            return asked.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            asked.close()

    def logs(self) -> str:
        """Return what its processes have written."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}"
            for log in sorted(self.data_dir.glob("*.log"))
        )

    def session_cookie(self, user: User) -> str:
        """Return the session cookie of somebody who has signed in."""
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = user._get_session_auth_hash(secret=SECRET_KEY)
        session.create()
        return session.session_key or ""

    def spawn(self, command: list[str | Path], log: str) -> subprocess.Popen[bytes]:
        """Start a process that dies with this one at the latest."""
        with (self.data_dir / log).open("ab") as out:
            return spawn(command, env=self.env, log=out)

    def close(self) -> None:
        """End everything at once, connections to the database included."""
        for process in [*self.clusters, *([self.web] if self.web else [])]:
            end(process, signal.SIGKILL)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        self.folder.cleanup()


def end(process: subprocess.Popen[bytes], how: int) -> None:
    """End a process and whatever it leaves behind."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    kill_group(process)


def wait_for(condition: Callable[[], bool], what: str, logs: Callable[[], str]) -> None:
    """Ask until it is so; fail with the logs where it takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {READY_SECONDS} s for {what}\n{logs()}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port nobody listens on, below those that the kernel gives away by itself."""
    for port in random.SystemRandom().sample(PORTS, 50):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
    raise AssertionError(f"no free port from {PORTS.start} to {PORTS.stop}")


def database_url() -> str:
    """Return the URL of the database that this test uses."""
    settings = connection.settings_dict
    login = quote(settings["USER"], safe="")
    if settings["PASSWORD"]:
        login += ":" + quote(settings["PASSWORD"], safe="")
    where = f"host={quote(settings['HOST'], safe='')}" if settings["HOST"] else ""
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{login}@/{quote(settings['NAME'], safe='')}?{where}{port}"
