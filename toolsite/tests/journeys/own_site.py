"""A live site on a database of its own, for many tests in a row."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper

from ops.site import HOST
from toolsite.tests.live_site import LiveSite

PRODUCTION = {
    "TOOLSITE_ALLOWED_HOSTS": HOST,
    "TOOLSITE_DEBUG": "0",
    "TOOLSITE_HTTPS": "0",
    "TOOLSITE_LINK_CHECK_ALLOW": "127.0.0.0/8",
}
"""As on the net, but for TLS, and with a link check that may look at this machine."""


class OwnSite(LiveSite):
    """A site in production mode. What a test writes for it, it writes `with site.database()`."""

    def __init__(
        self, name: str, variables: Mapping[str, str] = PRODUCTION, *, empty: bool = False
    ) -> None:
        """empty: without the tables, as a database is that nobody has used yet."""
        process = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self.name = f"{connection.settings_dict['NAME']}_{name}_{process}"
        with connection.cursor() as cursor:
            drop(cursor, self.name)
            template = None if empty else connection.settings_dict["TEST"].get("TEMPLATE")
            cursor.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{template or "template1"}"')
        with self.database():
            super().__init__(variables=variables)

    @contextmanager
    def database(self) -> Iterator[None]:
        """Let this process talk to the site's database while the block runs."""
        settings = connection.settings_dict
        other = settings["NAME"]
        connection.close()
        settings["NAME"] = self.name
        try:
            yield
        finally:
            connection.close()
            settings["NAME"] = other

    def start(self) -> None:
        """Prepare the site as a deployment does, and start it."""
        self.prepare()
        super().start()

    def mend(self) -> None:
        """Start again what a test has ended."""
        if self.web is None:
            self.start_web()
        if not self.clusters:
            self.start_cluster()
        self.wait_until_ready()

    def close(self) -> None:
        """End everything and drop the database."""
        with self.database():
            super().close()
        with connection.cursor() as cursor:
            drop(cursor, self.name)


def drop(cursor: CursorWrapper, database: str) -> None:
    cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
