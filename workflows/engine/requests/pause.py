"""Pause and resume a run with its children."""

from collections.abc import Callable
from uuid import UUID

from workflows.core.asked import Asked
from workflows.core.run import RunId, run_id_of
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine import announcements
from workflows.engine.requests.asked import asked
from workflows.engine.requests.steering import at_its_newest, in_tree
from workflows.store import pausing as store
from workflows.store.views import get_run


def pause(run_id: RunId, *, by: str = "", reason: str = "", via: str = "") -> bool:
    """Set a run and its children aside until `resume`; detached children go on. False: it is in no state
    for it, or paused already. Raises RunNotFound.

    A run that a worker drives pauses at its next durable operation: the step in progress is recorded
    first. What falls due meanwhile (a timer, an event, the next attempt) happens at resume, and never
    earlier. Its deadline goes on, and `cancel` works.
    """
    refuse("calls pause()", IN_A_STEP)
    why = asked(by=by, reason=reason, via=via)
    return _each(run_id, store.pause_run, announcements.run_paused, why)


def resume(run_id: RunId, *, by: str = "", reason: str = "", via: str = "") -> bool:
    """Let a paused run and its children go on; what fell due meanwhile is due now. False: it is not
    paused. Raises RunNotFound."""
    refuse("calls resume()", IN_A_STEP)
    why = asked(by=by, reason=reason, via=via)
    return _each(run_id, store.resume_run, announcements.run_resumed, why)


def _each(
    run_id: RunId,
    verb: Callable[[UUID, Asked], bool | None],
    announce: Callable[[UUID, str, Asked], None],
    why: Asked,
) -> bool:
    def act(newest: UUID) -> bool | None:
        while (done := in_tree(newest, lambda each: verb(each, why))) is None:
            continue
        # Behind the transaction: a receiver must neither hold its locks nor break it.
        for each, turned in done:
            if turned:
                announce(each, get_run(each).workflow, why)
        return done[-1][1]

    return at_its_newest(run_id_of(run_id), act)
