"""A whole site for a test: a real web server and real clusters on the test's own database."""

import http.client
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from ops.free_port import free_port
from ops.places import PYTHON
from ops.process import kill_group, spawn
from ops.site import HOST, web_command

READY_SECONDS = 30


class LiveSite:
    """The processes of one site. Everything it has started is gone after close()."""

    def __init__(self, *, workers: int = 2, variables: Mapping[str, str] | None = None) -> None:
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
            "TOOLSITE_SECRET_KEY": settings.SECRET_KEY,
            "TOOLSITE_SITE_URL": self.url,
            "TOOLSITE_WORKERS": str(workers),
            **(variables or {}),
        }

    def start(self) -> None:
        """Start a web server and a cluster and wait until the site can serve."""
        self.start_cluster()
        self.start_web()
        self.wait_until_ready()

    def prepare(self) -> None:
        """Prepare the site as a deployment does: migrations, static files."""
        preparing = self.spawn([PYTHON, "manage.py", "prepare_site"], "prepare.log")
        assert preparing.wait(60) == 0, self.logs()

    def start_web(self) -> None:
        """Start the web server and wait until it answers."""
        self.web = self.spawn(web_command(self.port), "web.log")
        self.wait_for_status("/healthz", 200)

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
        self.wait_for_status("/readyz", 200)

    def wait_for_status(self, path: str, status: int) -> None:
        """Wait until a page answers with this status; fail with the logs where it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while (said := self.get(path))[0] != status:
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} answers {said}, not {status}\n{self.logs()}")
            time.sleep(0.02)

    def status(self, path: str) -> int:
        """Return the status of a page, 0 where nothing answers."""
        return self.get(path)[0]

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page, 0 and the reason where nothing answers."""
        asked = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            asked.request("GET", path)
            answer = asked.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, repr(error)
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
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
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


def database_url() -> str:
    """Return the URL of the database that this test uses."""
    where_it_is = connection.settings_dict
    login = quote(where_it_is["USER"], safe="")
    if where_it_is["PASSWORD"]:
        login += ":" + quote(where_it_is["PASSWORD"], safe="")
    options = {name.lower(): where_it_is[name] for name in ["HOST", "PORT"] if where_it_is[name]}
    name = quote(where_it_is["NAME"], safe="")
    return f"postgresql://{login}@/{name}?{urlencode(options)}"
