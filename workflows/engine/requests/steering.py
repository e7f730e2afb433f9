"""The operator's verbs: cancel, retry now, compensate."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import SerializationFailure

from workflows.core.asked import ENGINE, Asked
from workflows.core.errors import RunNotFound, SubjectTaken
from workflows.core.run import RunId, run_id_of
from workflows.core.states import RunState
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine import announcements
from workflows.engine.requests.asked import asked
from workflows.store import steering as store
from workflows.store.chains import newest_of
from workflows.store.runs import find_rival
from workflows.store.steering import Cancel
from workflows.store.views import get_run

T = TypeVar("T")
ONE_PER_SUBJECT = "run_one_per_subject"
"""The rule of the database."""
PARENT_FAILED = "the parent failed"
"""Why the children of a run that fails are cancelled; a retry of the parent finds them by it."""


def cancel(run_id: RunId, *, reason: str = "", by: str = "", via: str = "") -> bool:
    """Cancel a run and its children, in one transaction. False: it was over. Raises RunNotFound,
    InvalidInput where reason, by or via is no text.

    A run that a worker drives ends at its next durable operation: the step in progress is
    recorded first. Any other run ends at once. Nothing that finishes later overwrites it. Where
    the workflow says on_cancel="compensate", the run undoes its steps instead of ending.
    Detached children go on. A run that went on by continue_as_new is cancelled where it is now.
    """
    refuse("calls cancel()", IN_A_STEP)
    run_id = run_id_of(run_id)
    return _cancel(run_id, asked(by=by, reason=reason, via=via))


def end_child(run_id: UUID) -> bool:
    """Cancel the child of a parent that fails, in the parent's drive: that waits for others who hold
    runs of the tree a short while only. Raises django.db.OperationalError then."""
    return _cancel(run_id, Asked(ENGINE, PARENT_FAILED), in_drive=True)


def cancel_for_schedule(run_id: UUID, *, schedule: str) -> bool:
    """Cancel a run whose schedule starts the next one instead, with short waits as end_child has.
    Raises django.db.OperationalError, RunNotFound."""
    reason = f"schedule {schedule!r} starts its next run"
    return _cancel(run_id, Asked(ENGINE, reason), in_drive=True)


def _cancel(run_id: UUID, why: Asked, *, in_drive: bool = False) -> bool:
    while True:
        try:
            answers = _cancel_tree(run_id, why, in_drive)
        except RunNotFound:
            if (newest := newest_of(run_id)) == run_id:
                raise
            run_id = newest  # it went on as another, and was lost since
            continue
        if answers is None:
            continue
        # Behind the transaction: a receiver must neither hold its locks nor break it.
        for each, done in answers:
            if done.now == RunState.CANCELLED:
                announcements.run_finished(each, done.workflow, done.now)
        if answers[-1][1].now is not None:
            return True
        if (newest := newest_of(run_id)) == run_id:
            return False
        run_id = newest


class _BornMeanwhile(Exception):
    """The tree has grown under our hands; rolls back what is locked."""


def _cancel_tree(run_id: UUID, why: Asked, in_drive: bool) -> list[tuple[UUID, Cancel]] | None:
    """Cancel the run and its children. Returns what became of each, of the run itself last; None:
    try again, a child was born meanwhile, or a database above read committed wants it."""
    return in_tree(run_id, lambda each: _cancel_one(each, why), in_drive=in_drive)


def in_tree(
    run_id: UUID, act: Callable[[UUID], T], *, in_drive: bool = False
) -> list[tuple[UUID, T]] | None:
    """Lock the run and its children that go on, and act on each, in one transaction: children before
    their parents, the run itself last. None: try again; see _cancel_tree."""
    try:
        with transaction.atomic():
            children = store.lock_tree(run_id, in_drive=in_drive)
            if children is None:
                raise _BornMeanwhile
            return [(each, act(each)) for each in (*children, run_id)]
    except _BornMeanwhile:
        return None
    except OperationalError as exc:
        if connection.in_atomic_block or not isinstance(exc.__cause__, SerializationFailure):
            raise
        return None


def _cancel_one(run_id: UUID, why: Asked) -> Cancel:
    done = store.cancel_run(run_id, **why._asdict())
    if done is None:
        raise RunNotFound(f"no run {run_id}")
    return done


def compensate(run_id: RunId, *, by: str = "", reason: str = "", via: str = "") -> bool:
    """Undo the completed steps of a failed or cancelled run, the last first.

    After a compensation has failed for good, calling it again goes on where it stopped. False:
    the run is in another state. A run that went on by continue_as_new is undone where it is now; what
    earlier runs of the chain have done stays. Raises RunNotFound, SubjectTaken.
    """
    refuse("calls compensate()", IN_A_STEP)
    why = asked(by=by, reason=reason, via=via)._asdict()

    def undo(newest: UUID) -> bool | None:
        return as_the_only_one(newest, lambda: store.compensate_run(newest, **why))

    return at_its_newest(run_id_of(run_id), undo)


def retry_now(run_id: RunId, *, by: str = "", reason: str = "", via: str = "") -> bool:
    """Drive a waiting, blocked or put-off run now; its count of crashes starts anew.

    A parked retry runs at once; a wait or a sleep looks again and goes on waiting for its time.
    A run that went on by continue_as_new is driven where it is now. False: it is in no state for it.
    Raises RunNotFound.
    """
    refuse("calls retry_now()", IN_A_STEP)
    why = asked(by=by, reason=reason, via=via)
    return at_its_newest(run_id_of(run_id), lambda newest: wake(newest, why))


def wake(run_id: UUID, why: Asked) -> bool | None:
    """Have a run driven now. False: it is in no state for it. None: no such run."""
    woken = store.wake_run(run_id, **why._asdict())
    if woken:
        announcements.run_retried(run_id, get_run(run_id).workflow, why)
    return woken


def as_the_only_one(run_id: UUID, take_up: Callable[[], T]) -> T:
    """Take up a run that has ended, in a transaction. Raises SubjectTaken where another run of its subject is
    open, also where that has begun at the same moment."""
    for _ in range(_MEETINGS):
        _refuse_rival(run_id)
        try:
            with transaction.atomic():
                return take_up()
        except IntegrityError as exc:
            if broken_rule(exc) != ONE_PER_SUBJECT:
                raise
            met = exc
    # Each had ended when it was looked for; or a snapshot of the caller's is older than all of them.
    raise met


_MEETINGS = 3


def broken_rule(exc: IntegrityError) -> str | None:
    """Return the name of the rule that the database has refused a statement by."""
    return getattr(getattr(exc.__cause__, "diag", None), "constraint_name", None)


def _refuse_rival(run_id: UUID) -> None:
    rival = find_rival(run_id)
    if rival is not None:
        workflow, subject, other = rival
        raise SubjectTaken(workflow, subject, str(other))


def at_its_newest(run_id: UUID, act: Callable[[UUID], bool | None]) -> bool:
    """Act on the run that a chain has come to. Raises RunNotFound."""
    run_id = newest_of(run_id)
    while not (changed := act(run_id)) and (newest := newest_of(run_id)) != run_id:
        run_id = newest  # it has gone on meanwhile
    if changed is None:
        raise RunNotFound(f"no run {run_id}")
    return changed
