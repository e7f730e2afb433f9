"""The isolation level of an atomic step, and its record above read committed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection

from workflows.core.run import Fact
from workflows.core.unwind import LeaseLost
from workflows.engine.session.session import Session
from workflows.store.history import Written, append_beside
from workflows.store.isolation import fenced_beside, isolate, sees_a_snapshot


@contextmanager
def run_isolated(level: str | None) -> Iterator[None]:
    """Give the transaction that has just begun an isolation level of its own."""
    if level is not None and not connection.savepoint_ids:
        isolate(level)
    yield


def append_in_step(session: Session, fact: Fact, *, until_commit: ExitStack, long: bool) -> Written:
    """Write the line of a step in the step's own transaction. Raises LeaseLost, StoreFailed.

    long: the run's row may have been changed since that began; where the transaction does not see it, the
    row is held beside it, until_commit. What the workflow keeps is then written with the next line.
    """
    if not long or connection.savepoint_ids:
        return session.append(fact, ends_drive=False)
    with session.guarded(ends_drive=False):
        if not sees_a_snapshot():
            return session.append(fact, ends_drive=False)
        beside = until_commit.enter_context(fenced_beside(session.run))
        if beside is None:
            raise session.unwind(LeaseLost())
        written = append_beside(session.run, fact, beside)
    if written is None:
        raise session.unwind(LeaseLost())
    return written
