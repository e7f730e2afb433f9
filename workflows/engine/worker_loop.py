"""What a worker does when the bell rings: drive due runs until there are none."""

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Protocol

import psycopg
from django.db import DatabaseError, InterfaceError, connection

from workflows import signals
from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.core.turns import Turns
from workflows.core.unwind import LostInStep, StoreFailed
from workflows.engine import announcements
from workflows.engine.attempts.open_transactions import drop_broken_connection
from workflows.engine.drive.drive import drive
from workflows.engine.drive.newer_code import courtesy
from workflows.engine.served_code import code_here, served_pools
from workflows.engine.session.company import Company
from workflows.engine.session.connection_loss import count_the_break, hand_back, is_lost
from workflows.store import lent_connections
from workflows.store.queue import claim_run

turns = Turns()
"""Of this worker: as long as its process lives, from bell to bell."""


class _Claims:
    """How this worker's looks at the queue went."""

    lost_in_a_row = 0


_claims = _Claims()
_one_company = Lock()


def company() -> Company:
    """Return the drives of this worker."""
    with _one_company:  # else two threads that come first might each make one
        return _company()


@cache
def _company() -> Company:
    return Company(conf().slots)


class Holder(Protocol):
    """The worker as the loop sees it: its id, and what it is driving in this thread."""

    def worker_id(self) -> int | None:
        """Return the id to claim under, once its liveness lock is held; a call of hold or lose follows."""

    def hold(self, run: ClaimedRun | None) -> None:
        """Say what is being driven, so that its lease is extended; None: nothing, and nothing is claimed."""

    def lose(self) -> None:
        """Give up what was claimed last, whether or not that is known: it is free for others."""

    def broke_since(self, moment: float) -> bool:
        """Whether the session that holds the lock has broken too, since then or just now. moment: by
        this host's monotonic clock."""


def work_off(holder: Holder, *, stopping: Callable[[], bool], looked: Callable[[], None]) -> int:
    """Drive due runs with code here, one after the other, until none is due. Returns how many.

    looked is called after the first look at the queue. Raises SystemExit after a drive that wore
    the process out: a step outlived its time limit in a thread, which ends with the process.
    """
    driven = 0
    lent_connections.borrow_here()
    try:
        while not stopping() and company().enter():
            try:
                if not _claim_and_drive(holder, stopping, None if driven else looked):
                    return driven
            finally:
                company().leave()
            driven += 1
    except (DatabaseError, InterfaceError, psycopg.Error) as failed:
        # On the holder's own connection psycopg says so itself. The cluster rings again.
        connection.close()
        if is_lost(failed):
            holder.lose()  # frees what was claimed in a commit that we did not see
            _note_a_loss(failed)
        else:
            holder.hold(None)
            signals.claim_refused.send_robust(sender=ClaimedRun, error=failed)
    finally:
        lent_connections.let_go()
    return driven


def _claim_and_drive(
    holder: Holder, stopping: Callable[[], bool], looked: Callable[[], None] | None
) -> bool:
    """Drive one due run. False: there is none. looked: given at the first look only."""
    drop_broken_connection()
    if looked is not None:
        courtesy.before_a_look()
    worker_id = holder.worker_id()
    run = _claim(holder, worker_id)
    if looked is not None:
        looked()
    if run is None:
        holder.hold(None)
        return False
    if _drive(holder, run, worker_id, stopping):
        raise SystemExit(0)
    lent_connections.close_worn_out_others()
    return True


def _note_a_loss(error: Exception) -> None:
    """Tell it from the second one in a row: one connection may be cut. The pusher, which tells an outage, may
    reach the database all the while, where a pooler stands before the drives only."""
    _claims.lost_in_a_row += 1
    if _claims.lost_in_a_row > 1:
        signals.claim_abandoned.send_robust(sender=ClaimedRun, error=error)


def _claim(holder: Holder, worker_id: int | None) -> ClaimedRun | None:
    try:
        claimed = claim_run(
            worker_id=worker_id,
            lease_seconds=conf().lease_seconds,
            code=code_here(),
            turns=turns,
        )
        _claims.lost_in_a_row = 0
        return claimed
    except (DatabaseError, InterfaceError, psycopg.Error):
        raise
    except BaseException:
        holder.lose()  # what was claimed, if anything: nobody here knows of it
        raise


def _drive(
    holder: Holder, run: ClaimedRun, worker_id: int | None, stopping: Callable[[], bool]
) -> bool:
    holder.hold(run)
    process_must_end = False
    try:
        announcements.run_claimed(run, worker_id=worker_id)
        process_must_end = drive(run, stopping=stopping, company=company(), pools=served_pools())
    except StoreFailed as failed:
        connection.close()
        _hand_on(holder, run, failed)
    finally:
        if not process_must_end:  # else it ends with the step that is under way, and holds the run
            holder.hold(None)
    return process_must_end


def _hand_on(holder: Holder, run: ClaimedRun, failed: StoreFailed) -> None:
    """Let the run be driven again. A loss inside an atomic step is counted, since the step may be
    what breaks the connection; not where this worker's other session has broken too since it began: a
    step that computes meets the cut only at its end."""
    error, in_step = failed.cause, isinstance(failed, LostInStep)
    lost, pause = in_step or is_lost(error), None
    if isinstance(failed, LostInStep) and not holder.broke_since(failed.since):
        handed_on = count_the_break(run)
    else:
        pause = hand_back(run, failed=error, lost=lost)
        handed_on = pause is not None
    if not handed_on:
        holder.lose()
    if lost:
        signals.drive_abandoned.send_robust(
            sender=ClaimedRun, run_id=run.id, workflow=run.workflow, error=error
        )
    else:
        signals.drive_refused.send_robust(
            sender=ClaimedRun,
            run_id=run.id,
            workflow=run.workflow,
            error=error,
            retry_in_seconds=pause,
        )
