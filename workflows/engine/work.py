"""What a worker does when the bell rings: drive due runs until there are none."""

from collections.abc import Callable
from typing import Protocol

import psycopg
from django.db import DatabaseError, InterfaceError, connection

from workflows import signals
from workflows.conf import conf
from workflows.core.errors import StoreFailed
from workflows.core.run import ClaimedRun
from workflows.engine.drive import drive
from workflows.engine.newer_code import courtesy
from workflows.engine.open_work import drop_broken_connection
from workflows.registry import known_code
from workflows.store.runs import claim_run, release_run
from workflows.store.waits import Code


class Holder(Protocol):
    """The worker as the loop sees it: its id, and what it is driving."""

    def worker_id(self) -> int | None:
        """Return the id to claim under, once its liveness lock is held."""

    def hold(self, run: ClaimedRun | None) -> None:
        """Say what is being driven, so that its lease is extended."""

    def lose(self) -> None:
        """Give up the id: the runs held under it are free for others."""


def work_off(holder: Holder, *, stopping: Callable[[], bool], looked: Callable[[], None]) -> int:
    """Drive due runs with code here, one after the other, until none is due. Returns how many.

    looked is called after the first look at the queue. Raises SystemExit after a drive that wore
    the process out: a step outlived its time limit in a thread, which ends with the process.
    """
    driven = 0
    try:
        while not stopping():
            drop_broken_connection()
            if driven == 0:
                courtesy.before_a_look()
            run = claim_run(
                worker_id=holder.worker_id(),
                lease_seconds=conf().lease_seconds,
                code=code_here(),
            )
            if driven == 0:
                looked()
            if run is None:
                return driven
            driven += 1
            if _drive(holder, run, stopping):
                raise SystemExit(0)
    except (DatabaseError, InterfaceError, psycopg.Error):
        # The database is away; on the holder's own connection psycopg says so itself. What was
        # claimed in a commit we did not see is freed by losing
        # the id; the cluster rings again when the database is back.
        connection.close()
        holder.lose()
    return driven


def code_here() -> Code:
    """Return the workflows that this process has code for."""
    return Code(*known_code())


def _drive(holder: Holder, run: ClaimedRun, stopping: Callable[[], bool]) -> bool:
    holder.hold(run)
    try:
        return drive(run, stopping=stopping)
    except StoreFailed as failed:
        connection.close()
        if not _given_back(run):
            holder.lose()
        signals.drive_abandoned.send_robust(
            sender=ClaimedRun, run_id=run.id, workflow=run.workflow, error=failed.cause
        )
        return False
    finally:
        holder.hold(None)


def _given_back(run: ClaimedRun) -> bool:
    """Give the run back over a fresh connection, where there is one: its worker lives, so this
    must not count as a crash. What the broken connection still has under way goes by the fence."""
    try:
        return release_run(run)
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
