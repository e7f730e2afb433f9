"""The limit on a web request's database work: from its first statement to its last byte."""

import psycopg
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, connections
from django.dispatch import receiver

from toolsite.postgresql.budget import Budget, NoAnswer, limit
from toolsite.postgresql.connection import TimedConnection
from toolsite.postgresql.silence import Silence

REQUEST_SECONDS = 5.0
"""For all statements of a request together, new connections included."""


def answers(seconds: float) -> bool:
    """Say whether a new connection is answered within so many seconds; a refusal is an answer."""
    limit(Budget(seconds))
    params = connections[DEFAULT_DB_ALIAS].get_connection_params()
    try:
        with TimedConnection.connect(**params, autocommit=True) as own:
            own.execute("SELECT 1")
    except (NoAnswer, psycopg.errors.ConnectionTimeout):
        return False
    except psycopg.Error:
        return True
    return True


SILENCE = Silence(answers)


@receiver(request_started)
def begin(**_: object) -> None:
    """Give the request's thread its budget."""
    limit(Budget(REQUEST_SECONDS, SILENCE))


# After Django's own receiver, which looks after the connection and must not hang either.
@receiver(request_finished)
def end(**_: object) -> None:
    """Take the budget back: in tests the thread goes on with other work."""
    limit(None)
