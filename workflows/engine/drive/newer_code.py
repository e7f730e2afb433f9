"""A run that is ahead of the code at hand: it waits for newer code.

It took a patch that this code does not ask for, or a newer engine has written lines of a kind that
this one does not know. In a rolling deploy clusters of both codes claim the same runs, and nothing
tells which worker has which: the run is set down for a moment and claimed by whoever comes first.
History keeps the first line of this only; the pauses grow with the time that has passed since.
"""

import time

from workflows import signals
from workflows.conf import conf
from workflows.core import lines
from workflows.core.decide import unknown_patch
from workflows.core.errors import ReplayError, ReplayMismatch
from workflows.core.sealed import PayloadUnreadable
from workflows.engine.session.session import Session
from workflows.store import parking as store

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

    PAUSE_SECONDS = 0.1
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


def unreadable(session: Session) -> ReplayError | None:
    """Return what is wrong with a run that a newer engine has written to, or one with a newer key."""
    if session.opener.failed is not None:
        return session.opener.failed
    history = session.history
    if history.unknown_kind is None:
        return None
    return ReplayError(
        f"history has a line of the kind {history.unknown_kind!r}, which this release of the "
        "engine does not know; deploy the newer one again"
    )


def may_come(session: Session, why: BaseException) -> bool:
    """Say whether a worker with newer code could go on with the run, and is still waited for."""
    if isinstance(why, PayloadUnreadable) and session.undoing:
        return True  # blocked, it could not be: it would be given up with steps that are not undone
    return _unknown(session, why) != "" and _waited_seconds(session) < conf().newer_code_seconds


def wait_for_it(session: Session, why: BaseException) -> bool:
    """Give the run back for a while. False: it is being cancelled, or the lease is lost."""
    run, first = session.run, session.history.code_awaited_since is None
    pause = min(max(SHORTEST_SECONDS, SHARE * _waited_seconds(session)), LONGEST_SECONDS)
    what = _unknown(session, why)
    line = lines.code_awaited(what, str(why))
    if not store.await_code(run, line, seconds=pause, record=first):
        return False
    courtesy.begin()
    if first:
        signals.newer_code_awaited.send_robust(
            sender=Session, run_id=run.id, workflow=run.workflow, what=what
        )
    return True


def _unknown(session: Session, why: BaseException) -> str:
    """Return what of the run this code does not know; "": it is not older than the run."""
    if isinstance(why, PayloadUnreadable):
        return f"{lines.KEY_AWAITED}{why.key_id}"
    if session.history.unknown_kind is not None:
        return session.history.unknown_kind
    if isinstance(why, ReplayMismatch):
        return unknown_patch(session.history, why) or ""
    return ""


def _waited_seconds(session: Session) -> float:
    since = session.history.code_awaited_since
    return 0.0 if since is None else (session.clock() - since).total_seconds()
