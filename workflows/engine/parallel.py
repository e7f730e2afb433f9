"""Several steps at once: threads in this worker, each branch with its position and its record.

The positions are fixed before anything runs, so that a replay finds each branch whatever the order
they ended in. A branch that fails and is tried again parks the run once the others have ended.
"""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import connection

from workflows.core.decide import Operation, find_outcome, recorded_operation
from workflows.core.errors import ReplayMismatch, StepFailed
from workflows.core.graph import ready
from workflows.core.history import HistoryKind
from workflows.core.run import Fact, Park
from workflows.engine.attempt import Completed, Failed, Job, Retry, note_done, step_failed, try_once
from workflows.engine.session import Session
from workflows.engine.time_limit import GRACE_SECONDS
from workflows.engine.undo import undo
from workflows.registry import StepDefinition
from workflows.store import steps as store

OnError = Literal["stop", "continue", "compensate"]


@dataclass(frozen=True, kw_only=True)
class Output:
    """Stands for the result of another branch of the same graph, in a call's arguments."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """A step with its arguments, not run yet."""

    step: StepDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    after: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Branch:
    """One call of the group, and how far it is."""

    name: str
    position: int
    call: Call
    value: Any = None
    error: StepFailed | None = None
    retry_at: datetime | None = None
    started: bool = False
    completed: bool = False

    @property
    def ended(self) -> bool:
        """Whether it needs no further attempt."""
        return self.error is not None or self.completed


@dataclass(kw_only=True)
class Group:
    """A gather or graph under way."""

    branches: list[Branch]
    limit: int
    on_error: OnError
    ended: "queue.SimpleQueue[tuple[Branch, Completed | Failed | Retry | BaseException]]" = field(
        default_factory=queue.SimpleQueue
    )

    @property
    def stopped(self) -> bool:
        """Whether nothing more may start, because a branch has failed."""
        return self.on_error != "continue" and any(each.error for each in self.branches)


def run_calls(
    session: Session, first: int, calls: dict[str, Call], *, limit: int, on_error: OnError
) -> dict[str, Any]:
    """Run calls at the positions from first on; return their results by name.

    Raises StepFailed of the first that failed, unless on_error is "continue": then it stands in
    the place of the result.
    """
    branches = [
        Branch(name=name, position=first + number, call=call)
        for number, (name, call) in enumerate(calls.items())
    ]
    _run_group(session, Group(branches=branches, limit=limit, on_error=on_error))
    failed = next((each.error for each in branches if each.error), None)
    if failed is not None and on_error != "continue":
        if on_error == "compensate":
            undo(session, [done for done in session.done if done.position >= first], again=False)
        raise failed
    return {each.name: each.error or each.value for each in branches if each.ended}


def _run_group(session: Session, group: Group) -> None:
    """Run what has not ended. Raises Suspend while a branch waits for its next attempt."""
    for branch in group.branches:
        _recall(session, branch)
    _run_branches(session, group)
    if session.ending is not None:
        raise session.ending
    session.now = max((_ended_at(session, each) for each in group.branches), default=session.now)
    waiting = [each.retry_at for each in group.branches if not each.ended and each.retry_at]
    if waiting and not group.stopped:
        raise session.suspend(Park(until=min(waiting)))


def _ended_at(session: Session, branch: Branch) -> datetime:
    entry = session.history.outcome(branch.position)
    return session.now if entry is None else entry.at


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
        failure = session.history.last_failure(branch.position)
        if failure is not None:
            branch.retry_at = datetime.fromisoformat(failure.data["retry_at"])
        return
    if outcome.kind == HistoryKind.STEP_FAILED:
        branch.error = step_failed(branch.call.step.name, outcome.data)
        return
    branch.completed = True
    branch.value = branch.call.step.signature.result.from_plain(outcome.data["output"])
    note_done(session, _job({}, branch), branch.value)


def _run_branches(session: Session, group: Group) -> None:
    running = 0
    while True:
        for branch in _startable(session, group)[: group.limit - running]:
            branch.started = True
            running += 1
            _start(session, group, branch)
        if running == 0:
            return
        running -= 1
        branch, outcome = _next_end(session, group)
        _take_in(session, branch, outcome)


def _startable(session: Session, group: Group) -> list[Branch]:
    if session.ending is not None or group.stopped or session.stopping():
        return []
    by_name = {each.name: each for each in group.branches}
    now = session.clock()
    waiting = [
        each.name
        for each in group.branches
        if not each.ended and not each.started and (each.retry_at is None or each.retry_at <= now)
    ]
    completed = {each.name for each in group.branches if each.completed}
    after = {each.name: each.call.after for each in group.branches}
    found = [by_name[name] for name in ready(after, waiting, completed)]
    if found:
        session.before_new()
    return found


def _start(session: Session, group: Group, branch: Branch) -> None:
    job = _job({each.name: each.value for each in group.branches}, branch)
    if session.in_test:
        _run_branch(session, group, branch, job)
        return
    arguments = (session, group, branch, job)
    name = f"branch {branch.position}"
    threading.Thread(target=_run_in_thread, args=arguments, name=name, daemon=True).start()


def _run_in_thread(session: Session, group: Group, branch: Branch, job: Job) -> None:
    try:
        _run_branch(session, group, branch, job)
    finally:
        connection.close()


def _run_branch(session: Session, group: Group, branch: Branch, job: Job) -> None:
    try:
        outcome: Completed | Failed | Retry | BaseException = try_once(session, job)
        if isinstance(outcome, Retry):
            with session.guarded():
                written = store.append_retry(session.run, outcome.fact, seconds=outcome.seconds)
            with session.lock:
                session.take_in(written)
    except BaseException as exc:
        outcome = exc
    group.ended.put((branch, outcome))


def _next_end(
    session: Session, group: Group
) -> tuple[Branch, Completed | Failed | Retry | BaseException]:
    limits = [each.call.step.timeout_seconds for each in group.branches if each.started]
    longest = None if None in limits else max(each or 0 for each in limits) + GRACE_SECONDS
    try:
        return group.ended.get(timeout=longest)
    except queue.Empty:
        session.worn_out = True
        stuck = next(each for each in group.branches if each.started and not each.ended)
        overdue = TimeoutError("the step did not end at its time limit; its process will")
        return stuck, overdue


def _take_in(
    session: Session, branch: Branch, outcome: Completed | Failed | Retry | BaseException
) -> None:
    branch.started = False
    match outcome:
        case Completed():
            branch.completed, branch.value = True, outcome.value
            note_done(session, _job({}, branch), outcome.value)
            _take_in_line(session, outcome)
        case Failed():
            branch.error = outcome.error
            _take_in_line(session, outcome)
        case Retry():
            branch.retry_at = session.clock() + timedelta(seconds=outcome.seconds)
        case _:
            session.end(outcome)


def _take_in_line(session: Session, outcome: Completed | Failed) -> None:
    try:
        with session.lock:
            session.take_in(outcome.written)
    except BaseException as exc:  # lost or cancelled: the others end first
        session.end(exc)


def _job(values: dict[str, Any], branch: Branch) -> Job:
    call = branch.call

    def filled(argument: Any) -> Any:
        return values.get(argument.name) if isinstance(argument, Output) else argument

    return Job(
        position=branch.position,
        step=call.step,
        args=tuple(filled(each) for each in call.args),
        kwargs={name: filled(value) for name, value in call.kwargs.items()},
    )


def group_fact(position: int, names: Sequence[str]) -> Fact:
    """Return the line that fixes the group's positions."""
    return Fact(
        kind=HistoryKind.GROUP_STARTED,
        position=position,
        data=store.to_json({"names": list(names)}),
    )
