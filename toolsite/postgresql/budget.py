"""How long the database may keep a request waiting, all its statements together.

The budget belongs to a thread. Where there is none (workers, commands), nothing is limited.
"""

import threading
from collections.abc import Generator
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import psycopg
from psycopg.waiting import Ready

from toolsite.postgresql.silence import Silence

Wanted = TypeVar("Wanted")
Result = TypeVar("Result")
Wait = Generator[Wanted, Ready | int, Result]
"""What psycopg waits with: it yields what should become ready, and is sent what has."""


class NoAnswer(psycopg.OperationalError):
    """The database has not answered in time; the connection is closed."""


@dataclass
class Budget:
    """Seconds that may be spent waiting for the database. `silence` None: heeds nobody else's."""

    seconds: float
    silence: Silence | None = None
    spent_seconds: float = 0.0

    def check(self, waited_seconds: float) -> None:
        """Raise NoAnswer where waiting any longer is of no use."""
        if self.spent_seconds + waited_seconds > self.seconds:
            raise NoAnswer(
                f"waited {self.spent_seconds + waited_seconds:.1f} s for the database; "
                f"a request has {self.seconds:g} s for all of its statements"
            )
        if self.silence is None:
            return
        if self.silence.since is not None:
            raise NoAnswer(f"the database is silent since {self.silence.since:%H:%M:%S} UTC")
        self.silence.suspect(waited_seconds)

    def hear(self) -> None:
        """Note that the database has said something."""
        if self.silence is not None:
            self.silence.hear()


class _Here(threading.local):
    budget: Budget | None = None


_here = _Here()


def current() -> Budget | None:
    """Return this thread's budget."""
    return _here.budget


def limit(budget: Budget | None) -> None:
    """Give this thread a budget; None: as long as it takes."""
    _here.budget = budget


def within(budget: Budget, wait: Wait[Wanted, Result]) -> Wait[Wanted, Result]:
    """Wait in the same way, but raise NoAnswer where the budget does not last.

    psycopg asks us back at least every 0.1 s, also where nothing is ready.
    """
    began = monotonic()
    try:
        wanted = next(wait)
        while True:
            ready = yield wanted
            if ready & Ready.R:
                budget.hear()
            budget.check(monotonic() - began)
            wanted = wait.send(ready)
    except StopIteration as done:
        result: Result = done.value
        return result
    finally:
        wait.close()
        budget.spent_seconds += monotonic() - began
