"""Something failed: was the connection lost, or did the database refuse?"""

from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError

_OF_THE_CONNECTION = (OperationalError, InterfaceError, psycopg.OperationalError)
_FATAL = {"FATAL", "PANIC"}
"""PostgreSQL ends the session after such an error; after any other, it takes the next statement."""


def is_lost(error: Exception) -> bool:
    """Say whether the error means that there is no connection any more.

    False: the database answers, and would refuse the same statement again: a column is missing, a
    permission, room on a disk; or a time limit of the server's was too short.
    """
    if not isinstance(error, _OF_THE_CONNECTION):
        return False
    told = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(told, psycopg.Error) or told.sqlstate is None:
        return True  # the database said nothing
    return told.diag.severity_nonlocalized in _FATAL


def is_broken(raw: Any, error: Exception) -> bool:
    """Say whether this psycopg connection broke, whatever has been made of that error since; None:
    it could not be opened. One that was closed here is not broken."""
    return is_lost(error) if raw is None else bool(raw.broken)
