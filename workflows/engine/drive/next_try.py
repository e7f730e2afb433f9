"""A run that has failed is tried again, as its workflow says: the next try is the next run of its chain."""

import random
from datetime import timedelta

from workflows.core.error_kind import kind_of
from workflows.core.errors import DeadlineExceeded, Permanent, StepFailed, ValueNotStorable
from workflows.core.failure import Failure, as_json
from workflows.core.run_ids import id_of_successor
from workflows.core.signature import Input
from workflows.core.states import RunState
from workflows.engine import announcements
from workflows.engine.requests.new_run import new_run
from workflows.engine.session.session import Session
from workflows.store import next_try as store
from workflows.store import runs as runs_store

_FOR_GOOD = (Permanent, ValueNotStorable, DeadlineExceeded)
_HELD = (RunState.RUNNING, RunState.PAUSED, RunState.COMPENSATING)


def delay_after(session: Session, why: BaseException) -> float | None:
    """Return how many seconds from now a run that has failed with this is tried again; None: it is not. Not
    after a Permanent, of its own or of a step: that says that no try can help."""
    policy = session.definition.retry
    if policy is None or isinstance(why, _FOR_GOOD):
        return None
    if isinstance(why, StepFailed) and why.permanent:
        return None
    return delay_now(session) if policy.tries_again(why, kind_of(why)) else None


def delay_now(session: Session) -> float | None:
    """Return how many seconds from now the next try begins, whatever the failure; None: there is none, since
    all are made or the deadline, which is one for all tries, comes first."""
    policy = session.definition.retry
    if policy is None:
        return None
    with session.guarded():
        failed = store.failed_tries(session.run.id) + 1
    seconds = policy.delay_after(failed, draw=random.random())  # noqa: S311
    deadline = session.run.deadline
    if seconds is None or deadline is None:
        return seconds
    return seconds if session.clock() + timedelta(seconds=seconds) < deadline else None


def begin(
    session: Session, delay_seconds: float, state: RunState, failure: Failure, *, is_told: bool
) -> bool:
    """End the run in this state and begin its next try. is_told: its row has the failure already. False:
    another end has won, or the lease is lost."""
    run = session.run
    input, id = Input(run.input, run.defaults), id_of_successor(run.id)
    successor = new_run(session.definition, input, id=id, deadline_seconds=None)
    while not store.begin_next_try(
        run,
        successor,
        state,
        before=session.held,
        error=None if is_told else as_json(failure),
        delay_seconds=delay_seconds,
        events=session.events,
        notes=session.changed_notes(),
    ):
        held = runs_store.look(run)
        if held is None or held[0] not in _HELD:
            return False
        session.events = held[1]  # an event has come meanwhile: it goes along
    announcements.run_finished(run.id, run.workflow, state, error=failure)
    announcements.run_started(successor.id, run.workflow, run.version, continues=run.id)
    return True
