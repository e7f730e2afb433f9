"""A statement failed: was the connection lost, or did the database refuse?"""

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
