"""Something failed: was the connection lost, or did the database refuse?"""

from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.engine import announcements
from workflows.store import queue, sweep
from workflows.store.fence import LOCK_WAIT_SECONDS

LOSSES_MADE_UP_FOR_AT_ONCE = 3
"""In a row, without anything recorded; a run that always loses its connection must not spin."""

NO_WAIT_SECONDS = 0.1
"""For the row of a run that others hold: it has been waited for already."""

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
    # A pooler that hangs up says the second only, and in English.
    return (told.diag.severity_nonlocalized or told.diag.severity) in _FATAL


def is_held_by_others(error: Exception) -> bool:
    """Say whether the engine's statement has waited in vain for others who hold a run's row."""
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)


def is_broken(raw: Any) -> bool:
    """Say whether this psycopg connection broke, whatever has been made of the error since. One
    that was closed here is not broken."""
    return raw is not None and bool(raw.broken)


def hand_back(run: ClaimedRun, *, failed: Exception, lost: bool) -> float | None:
    """Give the run back over a fresh connection, where there is one: due at once where the
    connection was lost, later where the database refused, since it will do so again.

    Its worker lives, so this must not count as a crash. What the broken connection still has under
    way goes by the fence. Returns in how many seconds the run is due; None: it is not given back.
    """
    connection.close()
    wait = NO_WAIT_SECONDS if is_held_by_others(failed) else LOCK_WAIT_SECONDS
    at_once = LOSSES_MADE_UP_FOR_AT_ONCE if lost else 0
    try:
        return queue.give_back(run, at_once=at_once, lock_wait_seconds=wait)
    except (DatabaseError, InterfaceError):
        connection.close()
        return None


def count_the_break(run: ClaimedRun) -> bool:
    """Recover the run over a fresh connection and count a crash: its atomic step may be what breaks
    the connection. False: it is left to the sweep."""
    connection.close()
    try:
        judged = sweep.take_from_itself(run, max_crashes=conf().max_crashes)
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
    if judged:
        announcements.runs_judged(judged)
    return bool(judged)
