"""Several steps at once: threads in this worker, each branch with its position and its record.

The positions are fixed before anything runs, so that a replay finds each branch whatever the order
they ended in. A branch that fails and is tried again parks the run once the others have ended.
"""

from dataclasses import replace
from datetime import datetime
from itertools import islice

from workflows.core.decide import Operation, find_outcome
from workflows.core.errors import ReplayMismatch
from workflows.core.history import HistoryKind
from workflows.core.idempotency_key import Receiver
from workflows.core.lines import step_failure
from workflows.core.run import Park
from workflows.core.unwind import Abandoned, Drain
from workflows.engine.attempts.async_attempt import begin_async
from workflows.engine.attempts.compensation import undo
from workflows.engine.attempts.failed_attempt import Failed, Retry, record_retry
from workflows.engine.attempts.open_transactions import drop_broken_connection
from workflows.engine.attempts.step_attempt import Completed, Ran, perform, record, recorded_output
from workflows.engine.attempts.step_job import Job, compared_job, limit_of, note_completed
from workflows.engine.groups.branch_threads import Threads
from workflows.engine.groups.group import Branch, Group, Results
from workflows.engine.session.limits import free, take_or_park, try_to_take
from workflows.engine.session.session import Session
from workflows.engine.session.step_pool import guest_pool, is_here, waits_for
from workflows.store.limits import Full, Later, Taken

End = Ran | BaseException


def run_group(session: Session, group: Group) -> Results:
    """Run a group's calls; return the results by name.

    Raises StepFailed of the first that failed, unless on_error is "continue": then it stands in
    the place of the result. Raises Suspend while a branch waits for its next attempt.
    """
    for branch in group.branches:
        _recall(session, group, branch)
    for branch in group.branches:
        if session.history.begun(branch.position) and group.values.keys() >= set(branch.call.needs):
            _job(session, group, branch)  # compares, before anything runs
        if branch.completed:
            note_completed(session, _job(session, group, branch))
    _run_branches(session, group)
    if session.unwinding is not None:
        raise session.unwinding
    outcomes = [session.history.outcome(each.position) for each in group.branches]
    session.now = max((each.at for each in outcomes if each), default=session.now)
    _park_what_is_left(session, group)
    failed = next((each.error for each in group.branches if each.error), None)
    if failed is not None and group.on_error != "continue":
        if group.on_error == "compensate":
            first = group.branches[0].position
            undo(session, [done for done in session.undoable if done.position >= first])
        raise failed
    return {each.name: each.error or each.value for each in group.branches if each.ended}


def take_keys(session: Session, branch: Branch, *, as_before: bool) -> None:
    """Put the branch's own key in the place of readings of run.idempotency_key. as_before: the group
    began under the old rule, one key for all its branches. Raises DefinitionError."""
    call = branch.call
    receiver = Receiver(
        name=f"step {call.step.name!r}", position=branch.position, as_before=as_before
    )
    (args, kwargs), branch.own_keys = session.keys.given_to(receiver, (call.args, call.kwargs))
    branch.call = replace(call, args=args, kwargs=kwargs)


def _recall(session: Session, group: Group, branch: Branch) -> None:
    """Take from history what is known of the branch."""
    if session.history.begun(branch.position) is None:
        return
    asked = Operation("step", branch.call.step.name)
    try:
        outcome = find_outcome(session.history, branch.position, asked)
    except ReplayMismatch as mismatch:
        raise session.unwind(mismatch) from None
    if outcome is None:
        branch.retry_at = session.history.retry_at(branch.position)
    elif outcome.kind == HistoryKind.STEP_FAILED:
        group.fail(branch, step_failure(outcome).raised(branch.call.step.name))
    else:
        group.complete(branch, recorded_output(session, branch.call.step, outcome))


def _run_branches(session: Session, group: Group) -> None:
    threads = Threads[Branch, End](in_place=session.in_test)
    try:
        while True:
            for branch in _startable(session, group, threads.busy):
                branch.started = True
                _begin(session, group, branch, threads)
            if not threads.busy:
                return
            ended = threads.next()
            if ended is None:
                session.process_must_end = True
                session.unwind(Abandoned())
                return
            _take_in(session, group, *ended)
    finally:
        threads.close()


def _startable(session: Session, group: Group, busy: int) -> list[Branch]:
    """Return what may begin now. What forbids it becomes the session's ending: those that run
    are waited for first."""
    if session.unwinding is not None or session.stopping():
        return []
    now = session.clock()
    due = (
        each
        for each in group.open()
        if (each.retry_at is None or each.retry_at <= now) and is_here(session, each.call.step.pool)
    )
    full: set[int] = set()
    try:
        found = list(due)
        if found:
            session.before_new()
        may_begin = (each for each in found if _may_begin(session, group, each, full))
        return list(islice(may_begin, group.limit - busy))
    except BaseException as forbidden:
        session.unwind(forbidden)
        return []


def _may_begin(session: Session, group: Group, branch: Branch, full: set[int]) -> bool:
    """Take what the branch's limits grant; where they grant nothing now, others may begin meanwhile. full:
    the limits, by their ids, that have no slot for anybody."""
    limits = branch.call.step.limits
    if not limits:
        return True
    if id(limits) in full:
        return False
    match try_to_take(session, branch.position, limits, _job(session, group, branch).named):
        case Taken():
            return True
        case Later(at=at):
            branch.retry_at = at
        case Full() if all(each.rule.by is None for each in limits):
            full.add(id(limits))
    return False


def _park_what_is_left(session: Session, group: Group) -> None:
    left = list(group.open())
    waiting = [each for each in left if each.retry_at or not is_here(session, each.call.step.pool)]
    times = [each.retry_at for each in waiting if each.retry_at is not None]
    limited = next((each for each in left if each not in waiting and each.call.step.limits), None)
    if len(times) < len(waiting) and not session.stopping():
        session.before_new()
        raise session.suspend(_among_pools(session, group, waiting))
    if limited is not None and not session.stopping():
        session.before_new()
        named, limits = _job(session, group, limited).named, limited.call.step.limits
        until = min(times, default=None)
        take_or_park(session, limited.position, limits, named, until=until)
        free(session, limited.position)  # free just now: the next drive begins with it
    if left and len(times) == len(left):
        session.before_new()  # its deadline has woken it: parked again, it would be due at once
        raise session.suspend(_among_pools(session, group, waiting))
    if left:
        raise session.unwind(Drain())


def _among_pools(session: Session, group: Group, waiting: list[Branch]) -> Park:
    """Return when and where the run is due for the branches that wait: in its own pool, and in that of the
    others where one is due first. Further ones have their turn behind that. At the same time, the order of
    the calls decides, those that have ended included: so a crash in between changes nothing."""
    times: dict[str, datetime] = {}
    now = session.clock()
    for branch in waiting:
        pool, at = guest_pool(session, branch.call.step.pool), max(branch.retry_at or now, now)
        times[pool] = min(at, times.get(pool, at))
    home_at = times.pop("", None)
    if not times:
        return Park(until=home_at)
    order = [guest_pool(session, each.call.step.pool) for each in group.branches]
    pool = min(times, key=lambda each: (times[each], order.index(each)))
    return Park(until=times[pool], step_pool=pool, home_at=home_at, waiting_for=waits_for(pool))


def _begin(session: Session, group: Group, branch: Branch, threads: Threads[Branch, End]) -> None:
    job = _job(session, group, branch)
    limit = limit_of(job)
    if job.step.is_async and not threads.in_place:
        begin_async(session, job, limit, threads, branch)
        return

    def attempt() -> End:
        try:
            return perform(session, job, limit)
        except BaseException as exc:
            return exc

    threads.begin(branch, limit, attempt)


def _take_in(session: Session, group: Group, branch: Branch, end: End) -> None:
    """Record how a branch ended. Here and not in its thread: the drive's connection is open."""
    branch.started = False
    if isinstance(end, BaseException):
        session.unwind(end)
        return
    drop_broken_connection()  # one record may be lost with it; those of the others need not be
    try:
        _record(session, group, branch, end)
        if branch.call.step.limits:
            free(session, branch.position)
    except BaseException as exc:  # lost or cancelled: the others end first
        session.unwind(exc)


def _record(session: Session, group: Group, branch: Branch, ran: Ran) -> None:
    job = _job(session, group, branch)
    match record(session, job, ran):
        case Completed(_, written, value):
            group.complete(branch, value)
            note_completed(session, job)
            session.take_in(written)
        case Failed(written, error):
            group.fail(branch, error)
            session.take_in(written)
        case Retry() as retry:
            branch.retry_at = record_retry(session, retry)


def _job(session: Session, group: Group, branch: Branch) -> Job:
    """Return the branch's job. Raises ReplayMismatch where history has other arguments."""
    if branch.job is None:
        args, kwargs = branch.call.filled(group.values)
        branch.job = compared_job(
            session, branch.position, branch.call.step, args, kwargs, own_keys=branch.own_keys
        )
    return branch.job
