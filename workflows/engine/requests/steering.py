"""The operator's verbs: cancel, retry now, compensate."""

from uuid import UUID

from django.db import transaction

from workflows.core.errors import RunNotFound
from workflows.core.failure import storable
from workflows.core.run import RunId, run_id_of
from workflows.core.states import RunState
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine import announcements
from workflows.store import steering as store
from workflows.store.views import get_run


def cancel(run_id: RunId, *, reason: str = "", by: str = "") -> bool:
    """Cancel a run and its children, in one transaction. False: it was over. Raises RunNotFound.

    A run that a worker drives ends at its next durable operation: the step in progress is
    recorded first. Any other run ends at once. Nothing that finishes later overwrites it. Where
    the workflow says on_cancel="compensate", the run undoes its steps instead of ending.
    Detached children go on. A run that went on by continue_as_new is cancelled where it is now.
    """
    refuse("calls cancel()", IN_A_STEP)
    run_id = run_id_of(run_id)
    words = {"reason": storable(reason, 500), "by": _name(by)}
    while True:
        with transaction.atomic():
            _cancel_children(run_id, words)
            if _cancel_one(
                run_id, words
            ):  # a child that was started since the look; from now on there are no more
                _cancel_children(run_id, words)
                return True
        successor = get_run(run_id).continued_as
        if successor is None:
            return False
        run_id = successor


def _cancel_children(run_id: UUID, words: dict[str, str]) -> None:
    for child in store.open_descendants(run_id):
        _cancel_one(child, words)


def _cancel_one(run_id: UUID, words: dict[str, str]) -> bool:
    asked = store.cancel_run(run_id, **words)
    if asked is None:
        raise RunNotFound(f"no run {run_id}")
    if asked.now == RunState.CANCELLED:
        announcements.run_finished(run_id, asked.workflow, asked.now)
    return asked.now is not None


def compensate(run_id: RunId, *, by: str = "") -> bool:
    """Undo the completed steps of a failed or cancelled run, the last first.

    After a compensation has failed for good, calling it again goes on where it stopped. False:
    the run is in another state. Raises RunNotFound.
    """
    refuse("calls compensate()", IN_A_STEP)
    run_id = run_id_of(run_id)
    return _found(run_id, store.compensate_run(run_id, by=_name(by)))


def retry_now(run_id: RunId, *, by: str = "") -> bool:
    """Drive a waiting, blocked or put-off run now; its count of crashes starts anew.

    A parked retry runs at once; a wait or a sleep looks again and goes on waiting for its time.
    False: the run is in no state for it. Raises RunNotFound.
    """
    refuse("calls retry_now()", IN_A_STEP)
    run_id = run_id_of(run_id)
    return _found(run_id, store.wake_run(run_id, by=_name(by)))


def _found(run_id: UUID, changed: bool | None) -> bool:
    if changed is None:
        raise RunNotFound(f"no run {run_id}")
    return changed


def _name(by: str) -> str:
    return storable(by, 200)
