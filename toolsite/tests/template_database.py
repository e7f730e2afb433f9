"""One database is migrated; every process that tests works on a copy of it, and so do their own sites.

The first that needs a database makes one as ever, and leaves a copy for those who come later.
"""

import os
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from toolsite.tests.live_site import database_url

ONE_AT_A_TIME = 20818
"""The advisory lock of who looks whether it is there, makes it or drops it."""
IN_USE = 20819
"""The one that is shared by all who may still copy it."""


class Template:
    """The copy, on the server that DATABASE_URL names."""

    def __init__(self, name: str, server: psycopg.Connection) -> None:
        """Wait until nobody else is about it; until `let_others_in`, nobody else will be."""
        self.name, self._server = name, server
        self._ask("SELECT pg_advisory_lock(%s)", ONE_AT_A_TIME)
        self._ask("SELECT pg_advisory_lock_shared(%s)", IN_USE)

    def let_others_in(self) -> None:
        """Let the next process look whether it is there."""
        self._ask("SELECT pg_advisory_unlock(%s)", ONE_AT_A_TIME)

    def exists(self) -> bool:
        """Whether somebody has made it."""
        return self._ask("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", self.name)

    def copy_from(self, database: str) -> None:
        """Make it. Nobody may be connected to the database."""
        self._server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(self.name), sql.Identifier(database)
            )
        )

    def close(self) -> None:
        """Leave it to the others; the last one drops it."""
        self._ask("SELECT pg_advisory_lock(%s)", ONE_AT_A_TIME)
        self._ask("SELECT pg_advisory_unlock_shared(%s)", IN_USE)
        if self._ask("SELECT pg_try_advisory_lock(%s)", IN_USE):
            name = sql.Identifier(self.name)
            self._server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        self._server.close()

    def _ask(self, statement: LiteralString, parameter: int | str) -> bool:
        found = self._server.execute(statement, [parameter]).fetchone()
        return bool(found and found[0])


@pytest.fixture(scope="session")
def migrated_template(
    django_db_modify_db_settings: None, django_db_keepdb: bool
) -> Iterator[Template | None]:
    """Return the template, made or not, while nobody else makes it; None where one process tests alone."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None or django_db_keepdb:
        yield None
        return
    template = Template(
        f"test_template_{run[:16]}", psycopg.connect(database_url(), autocommit=True)
    )
    if template.exists():
        connection.settings_dict["TEST"]["TEMPLATE"] = template.name
    yield template
    template.close()


@pytest.fixture(scope="session")
def django_db_setup(migrated_template: Template | None, django_db_setup: None) -> None:
    """Make the test database as pytest-django does, and see to it that others need not migrate theirs."""
    if migrated_template is None:
        return
    if not migrated_template.exists():
        connection.close()
        migrated_template.copy_from(connection.settings_dict["NAME"])
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template.name
    migrated_template.let_others_in()
