"""A run that took a patch which the code at hand does not ask for: it waits for newer code.

In a rolling deploy clusters of the old code and of the new claim the same runs. Nothing tells which
worker knows a patch, so the run is set down for a moment and claimed again by whoever comes first.
Only the first such line of history is kept; the pauses grow with the time that has passed since.
"""

import time

from workflows import signals
from workflows.conf import conf
from workflows.core.decide import unknown_patch
from workflows.core.errors import ReplayMismatch
from workflows.engine.session import Session
from workflows.store import waits as store
from workflows.store.steps import to_json

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
SHARE = 0.1
"""A pause is this share of the time waited so far: where only every ninth worker has the new code,
most runs meet one within ten seconds, and all but one in 30 within a minute."""


class Courtesy:
    """Lets others come first to the run that this process has given back.

    Whoever was at work last is the quickest to hear that a run is due: idle clusters of both codes
    would leave it to the wrong one time after time.
    """

    PAUSE_SECONDS = 0.05
    LASTS_SECONDS = 2 * LONGEST_SECONDS

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        """A run was given back: hold off for a while."""
        self._until = time.monotonic() + self.LASTS_SECONDS

    def before_a_look(self) -> None:
        """Called before an idle worker looks at the queue."""
        if time.monotonic() < self._until:
            time.sleep(self.PAUSE_SECONDS)


courtesy = Courtesy()


def may_come(session: Session, mismatch: ReplayMismatch) -> bool:
    """Say whether a worker with newer code could go on with the run, and is still waited for."""
    if unknown_patch(session.history, mismatch) is None:
        return False
    return _waited_seconds(session) < conf().newer_code_seconds


def wait_for_it(session: Session, mismatch: ReplayMismatch) -> bool:
    """Give the run back for a while. False: it is being cancelled, or the lease is lost."""
    run, first = session.run, session.history.code_awaited_since is None
    patch = unknown_patch(session.history, mismatch) or ""
    pause = min(max(SHORTEST_SECONDS, SHARE * _waited_seconds(session)), LONGEST_SECONDS)
    data = to_json({"position": mismatch.position, "asked": mismatch.asked})
    if not store.give_back(run, seconds=pause, patch=patch, data=data, record=first):
        return False
    courtesy.begin()
    if first:
        signals.newer_code_awaited.send_robust(
            sender=Session, run_id=run.id, workflow=run.workflow, patch=patch
        )
    return True


def _waited_seconds(session: Session) -> float:
    since = session.history.code_awaited_since
    return 0.0 if since is None else (session.clock() - since).total_seconds()
