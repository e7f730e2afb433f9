"""Several steps at once: threads in this worker, each branch with its position and its record.

The positions are fixed before anything runs, so that a replay finds each branch whatever the order
they ended in. A branch that fails and is tried again parks the run once the others have ended.
"""

import queue
import threading
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from workflows.core.decide import Operation, find_outcome, recorded_operation
from workflows.core.errors import Abandoned, Drain, ReplayMismatch
from workflows.core.graph import ready
from workflows.core.history import HistoryKind
from workflows.core.run import Park
from workflows.engine.attempt import Completed, recorded_output, try_once
from workflows.engine.calls import Branch, Group, Results
from workflows.engine.failing import Failed, Retry, record_retry, step_failed
from workflows.engine.jobs import Job, limit_of, note_done
from workflows.engine.session import Session
from workflows.engine.time_limit import GRACE_SECONDS, Limit, end_process_after
from workflows.engine.undo import undo


@dataclass(frozen=True)
class Later:
    """The attempt failed; recorded. The next may begin at this time."""

    retry_at: datetime


End = Completed | Failed | Later | BaseException


class Ends:
    """Where the threads of a group put how their branches ended."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Branch, End]] = queue.SimpleQueue()
        self._limits: dict[int, Limit] = {}

    def begin(self, branch: Branch, limit: Limit) -> None:
        """Say that a branch runs from now on, and within what."""
        self._limits[branch.position] = limit

    def put(self, branch: Branch, end: End) -> None:
        """Say how it ended."""
        self._queue.put((branch, end))

    def next(self) -> tuple[Branch, End] | None:
        """Wait for the next end; None: a branch is stuck beyond its limit and its grace."""
        while True:
            left = min(limit.left() for limit in self._limits.values()) + GRACE_SECONDS
            if left <= 0:
                return None
            try:
                with end_process_after(left + GRACE_SECONDS):
                    branch, end = self._queue.get(timeout=None if left == float("inf") else left)
            except queue.Empty:
                continue
            del self._limits[branch.position]
            return branch, end


def run_group(session: Session, group: Group) -> Results:
    """Run a group's calls; return the results by name.

    Raises StepFailed of the first that failed, unless on_error is "continue": then it stands in
    the place of the result. Raises Suspend while a branch waits for its next attempt.
    """
    for branch in group.branches:
        _recall(session, branch)
    for branch in group.branches:
        if branch.completed:
            note_done(session, _job(group, branch), branch.value)
    begun_at = session.now
    _run_branches(session, group)
    if session.ending is not None:
        raise session.ending
    outcomes = [session.history.outcome(each.position) for each in group.branches]
    session.now = max((each.at for each in outcomes if each), default=begun_at)
    _park_what_is_left(session, group)
    failed = next((each.error for each in group.branches if each.error), None)
    if failed is not None and group.on_error != "continue":
        if group.on_error == "compensate":
            first = group.branches[0].position
            undo(session, [done for done in session.done if done.position >= first])
        raise failed
    return {each.name: each.error or each.value for each in group.branches if each.ended}


def _recall(session: Session, branch: Branch) -> None:
    """Take from history what is known of the branch."""
    asked = Operation("step", branch.call.step.name)
    entry = session.history.begun(branch.position)
    if entry is None:
        return
    if recorded_operation(entry) != asked:
        mismatch = ReplayMismatch(branch.position, str(asked), str(recorded_operation(entry)))
        raise session.end(mismatch)
    outcome = find_outcome(session.history, branch.position, asked)
    if outcome is None:
        branch.retry_at = session.history.retry_at(branch.position)
    elif outcome.kind == HistoryKind.STEP_FAILED:
        branch.error = step_failed(branch.call.step.name, outcome.data)
    else:
        branch.completed = True
        branch.value = recorded_output(session, branch.call.step, outcome)


def _run_branches(session: Session, group: Group) -> None:
    running, ends = 0, Ends()
    while True:
        for branch in _startable(session, group)[: group.limit - running]:
            branch.started = True
            running += 1
            _start(session, group, branch, ends)
        if running == 0:
            return
        ended = ends.next()
        if ended is None:
            session.worn_out = True
            session.end(Abandoned())
            return
        running -= 1
        _take_in(session, group, *ended)


def _startable(session: Session, group: Group) -> list[Branch]:
    """Return what may begin now. What forbids it becomes the session's ending: those that run
    are waited for first."""
    if session.ending is not None or session.stopping():
        return []
    now = session.clock()
    found = [each for each in _open(group) if each.retry_at is None or each.retry_at <= now]
    if found:
        try:
            session.before_new()
        except BaseException as forbidden:
            session.end(forbidden)
            return []
    return found


def _open(group: Group) -> list[Branch]:
    """Return the branches that have yet to run, or to run again, and can."""
    if group.stopped:
        return []
    by_name = {each.name: each for each in group.branches}
    waiting = [each.name for each in group.branches if not each.ended and not each.started]
    completed = {each.name for each in group.branches if each.completed}
    after = {each.name: each.call.needs for each in group.branches}
    return [by_name[name] for name in ready(after, waiting, completed)]


def _park_what_is_left(session: Session, group: Group) -> None:
    left = _open(group)
    times = [each.retry_at for each in left if each.retry_at is not None]
    if left and len(times) == len(left):
        raise session.suspend(Park(until=min(times)))
    if left:
        raise session.end(Drain())


def _start(session: Session, group: Group, branch: Branch, ends: Ends) -> None:
    job = _job(group, branch)
    limit = limit_of(job)
    ends.begin(branch, limit)
    arguments = (session, branch, job, limit, ends)
    if session.in_test:
        _run_branch(*arguments)
        return
    name = f"branch {branch.position}"
    threading.Thread(target=_run_in_thread, args=arguments, name=name, daemon=True).start()


def _run_in_thread(session: Session, branch: Branch, job: Job, limit: Limit, ends: Ends) -> None:
    # Its connection is closed first: who waits for the end may count on it.
    end = _end_of(session, job, limit)
    connection.close()
    ends.put(branch, end)


def _run_branch(session: Session, branch: Branch, job: Job, limit: Limit, ends: Ends) -> None:
    ends.put(branch, _end_of(session, job, limit))


def _end_of(session: Session, job: Job, limit: Limit) -> End:
    try:
        outcome = try_once(session, job, limit)
        if not isinstance(outcome, Retry):
            return outcome
        return Later(record_retry(session, outcome))
    except BaseException as exc:
        return exc


def _take_in(session: Session, group: Group, branch: Branch, end: End) -> None:
    branch.started = False
    match end:
        case Completed():
            branch.completed, branch.value = True, end.value
            note_done(session, _job(group, branch), end.value)
            _take_in_line(session, end)
        case Failed():
            branch.error = end.error
            _take_in_line(session, end)
        case Later():
            branch.retry_at = end.retry_at
        case _:
            session.end(end)


def _take_in_line(session: Session, outcome: Completed | Failed) -> None:
    try:
        session.take_in(outcome.written)
    except BaseException as exc:  # lost or cancelled: the others end first
        session.end(exc)


def _job(group: Group, branch: Branch) -> Job:
    call = branch.call
    args, kwargs = call.filled({each.name: each.value for each in group.branches})
    return Job(position=branch.position, step=call.step, args=args, kwargs=kwargs)
