"""PgBouncer in transaction mode, with the configuration of ops/pgbouncer.ini, its places replaced."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
from django.conf import settings
from django.db import connection, connections
from django.test import override_settings

from ops.places import ROOT
from ops.postgres import throw_away_parent
from ops.postgres_programs import server_user
from ops.process import kill_group, spawn
from workflows.tests.cluster.lab import database_url, wait_for
from workflows.tests.cluster.pooler_program import PROGRAM

DIRECT = "direct"
"""The alias of the database without it, as the site's settings name it."""
PORT = 6432
"""Of its Unix socket, in a folder of its own: nobody else can have it."""


class Bouncer:
    """One PgBouncer before the database that this test uses. Everything it writes is in its folder."""

    def __init__(self) -> None:
        self.user = server_user()
        self.folder = Path(
            tempfile.mkdtemp(prefix="lab-bouncer-", dir=throw_away_parent(self.user))
        )
        self.configuration = self.folder / "pgbouncer.ini"
        self.configuration.write_text(self._adapted(connection.settings_dict))
        (self.folder / "userlist.txt").write_text(f'"{connection.settings_dict["USER"]}" ""\n')
        if self.user is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None

    def _adapted(self, there: Any) -> str:
        """Return the configuration as it is, but for what belongs to this machine."""
        text = (ROOT / "ops/pgbouncer.ini").read_text()
        name, server = there["NAME"], f"host={there['HOST']} port={there['PORT'] or 5432}"
        for shipped, here in [
            ("toolsite = host=127.0.0.1 port=5432 dbname=toolsite", f"{name} = {server}"),
            ("listen_addr = 127.0.0.1", "listen_addr ="),
            ("unix_socket_dir =", f"unix_socket_dir = {self.folder}"),
            ("auth_type = scram-sha-256", "auth_type = trust"),
            ("/etc/pgbouncer/", f"{self.folder}/"),
            ("/var/log/postgresql/", f"{self.folder}/"),
            ("/var/run/postgresql/", f"{self.folder}/"),
        ]:
            assert shipped in text, shipped
            text = text.replace(shipped, here)
        return text

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert PROGRAM is not None
        with (self.folder / "out.log").open("ab") as log:
            self.process = spawn([PROGRAM, self.configuration], user=self.user, log=log)
        wait_for(self._answers, "an answer of PgBouncer's", self.words)

    def _answers(self) -> bool:
        there = connection.settings_dict
        try:
            psycopg.connect(
                host=str(self.folder), port=PORT, dbname=there["NAME"], user=there["USER"]
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def words(self) -> str:
        """Return what it has written."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    @contextmanager
    def rolls_back_after(self, seconds: int) -> Iterator[None]:
        """Let it end transactions that stand idle for so long, inside the block."""
        usual, shipped = self.configuration.read_text(), "idle_transaction_timeout = 300"
        assert shipped in usual
        self._reload(usual.replace(shipped, f"idle_transaction_timeout = {seconds}"))
        try:
            yield
        finally:
            self._reload(usual)

    def _reload(self, configuration: str) -> None:
        assert self.process is not None
        self.configuration.write_text(configuration)
        before = self._readings()
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._readings() > before, "its new rules", self.words)

    def _readings(self) -> int:
        return self.words().count("re-reading config")

    def stop(self) -> None:
        """End it at once, and so the sessions that it has."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            kill_group(self.process)
            self.process = None

    def close(self) -> None:
        """Leave nothing of it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let this process, and the clusters that it starts, reach the database through it; pushers,
        liveness and whoever looks at sessions and locks past it."""
        direct, ours = database_url(), dict(connection.settings_dict)
        known = {**getattr(settings, "WORKFLOWS", {}), "direct_database": DIRECT}
        connection.close()
        options = {**ours["OPTIONS"], "prepare_threshold": None}
        there = {"HOST": str(self.folder), "PORT": str(PORT), "OPTIONS": options}
        connection.settings_dict.update(there)
        try:
            with (
                mock.patch.dict(os.environ, DIRECT_DATABASE_URL=direct),
                mock.patch.dict(connections.settings, {DIRECT: ours}),
                override_settings(WORKFLOWS=known),
            ):
                yield
        finally:
            connection.close()
            if hasattr(connections, DIRECT):
                del connections[DIRECT]
            connection.settings_dict.update(ours)


@contextmanager
def behind_pgbouncer() -> Iterator[Bouncer]:
    """Start one and use it inside the block."""
    bouncer = Bouncer()
    try:
        bouncer.start()
        with bouncer.used():
            yield bouncer
    finally:
        bouncer.close()


@contextmanager
def behind_pgbouncer_if_asked() -> Iterator[None]:
    """Use one inside the block where LAB_BEHIND_PGBOUNCER=1: so any test of clusters runs behind it."""
    if os.environ.get("LAB_BEHIND_PGBOUNCER") != "1":
        yield
        return
    with behind_pgbouncer():
        yield
