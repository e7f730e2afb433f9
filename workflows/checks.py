"""System checks: wrong settings fail at start-up, with a hint."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from workflows.conf import conf


def connect() -> None:
    """Register the checks."""
    register(check_conf)
    register(check_database)


def check_conf(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E001: a wrong name or value in settings.WORKFLOWS."""
    try:
        conf()
    except (ImproperlyConfigured, TypeError) as exc:
        hint = "docs/settings.md lists every setting with its unit and default."
        return [Error(str(exc), hint=hint, id="workflows.E001")]
    return []


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E002, E003: a database the engine cannot work on."""
    database: dict[str, Any] = settings.DATABASES.get("default", {})
    if "postgresql" not in database.get("ENGINE", ""):
        return [
            Error(
                "the default database is not PostgreSQL",
                hint="The engine needs SKIP LOCKED, NOTIFY and advisory locks; set DATABASE_URL.",
                id="workflows.E002",
            )
        ]
    if database.get("OPTIONS", {}).get("pool"):
        return [
            Error(
                'the database option "pool" is set',
                hint="Forked workers would share its sockets; use CONN_MAX_AGE instead.",
                id="workflows.E003",
            )
        ]
    return []
