"""A PostgreSQL server of a test's own, to be stopped and started at will."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection

from ops.postgres import DATABASE, USER, Server, make_data, start, throw_away_parent
from ops.postgres_programs import find_programs, reachable_programs, server_user
from ops.process import kill_group

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


class Postgres:
    """One server. Commits survive its end, though not the machine's."""

    def __init__(self, *settings: str) -> None:
        user = server_user()
        self.folder = Path(tempfile.mkdtemp(prefix="lab-postgres-", dir=throw_away_parent(user)))
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        programs = reachable_programs(find_programs(), user)
        data = self.folder / "data"
        self.server = Server(programs, user, data, self.folder, ("fsync=off", *settings))
        make_data(self.server, durable=False)
        self.process: subprocess.Popen[bytes] | None = None
        self._template: str | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.process = start(self.server, self.folder / "server.log")

    def stop(self, how: int = FAST) -> None:
        """Stop it: orderly, or as if it had crashed."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            kill_group(self.process)
            self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the whole server stand still inside the block: it takes what it is sent, and says nothing."""
        assert self.process is not None
        pids = [self.process.pid, *_children_of(self.process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def words(self) -> str:
        """Return what the server has logged."""
        return (self.folder / "server.log").read_text(errors="replace")

    def make_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, empty unless another is its template, and return its URL."""
        with psycopg.connect(self.server.url, autocommit=True) as own:
            own.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.server.url.replace(f"/{DATABASE}?", f"/{name}?")

    def make_migrated_database(self, name: str) -> None:
        """Make a database with the tables that a cluster needs. Only the first takes time."""
        if self._template is None:
            self.make_database("migrated")
            with self.used("migrated"):
                migrate()
            self._template = "migrated"
        self.make_database(name, template=self._template)

    def close(self) -> None:
        """Leave nothing of it."""
        self.stop(IMMEDIATE)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def used(self, name: str) -> Iterator[None]:
        """Let this process use a database of this server as Django's default."""
        ours: dict[str, Any] = dict(connection.settings_dict)
        connection.close()
        host = str(self.server.socket)
        there = {"NAME": name, "USER": USER, "PASSWORD": "", "HOST": host, "PORT": ""}
        connection.settings_dict.update(there)
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict.update(ours)


def _children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().rpartition(")")
            if int(rest.split()[1]) == parent:
                found.append(int(name.split()[0]))
    return found


def migrate() -> None:
    """Make the tables that a cluster needs."""
    for app in ("workflows", "django_q"):
        call_command("migrate", app, verbosity=0)
