"""Retry: a failed run goes on from what failed; any other is driven now.

A parent is retried together with the children that failed, or that its own failure has cancelled. All of
them are locked before any is changed, children before their parents, as everywhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction

from workflows.core.asked import ENGINE, Asked
from workflows.core.errors import ChildFailed, RetryRefused, RunNotFound
from workflows.core.failure import type_name
from workflows.core.history import MOST_RETRIES, HistoryKind
from workflows.core.history_index import History
from workflows.core.run import RunId, run_id_of
from workflows.core.sealed import readable
from workflows.core.states import DEAF_STATES, FINAL_STATES, RunState
from workflows.core.time_checks import time_ahead
from workflows.core.what_failed import WhatFailed, started_at, what_failed
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine import announcements
from workflows.engine.requests.asked import asked
from workflows.engine.requests.start_options import sensible
from workflows.engine.requests.steering import PARENT_FAILED, as_the_only_one, broken_rule, wake
from workflows.store import retry as store
from workflows.store.chains import newest_of
from workflows.store.history import load_history
from workflows.store.retry import Found
from workflows.store.runs import find_by_key

KEY_ONCE = "run_key_once"
"""The rule of the database."""
OTHERWISE = "start a new run with its input, under another key"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A run that goes on, and what becomes of its children."""

    run: Found
    positions: list[int]
    """What is done again."""
    retried: list[Found]
    told_again: list[Found]
    """Children whose ends are heard again."""


def retry(
    run_id: RunId,
    *,
    deadline_seconds: float | None = None,
    by: str = "",
    reason: str = "",
    via: str = "",
) -> bool:
    """Let a failed run go on from what failed; drive a waiting, blocked or put-off run now.

    Of a failed run, what has completed is not done again; the step that failed has new attempts, under
    the same idempotency key. Its children that failed, or that were cancelled because it failed, go on
    as well. deadline_seconds, from now, takes the place of a deadline that has passed. Where a parent
    waits for it, the parent hears of the second end only.

    False: the run is in no state for it. Raises RunNotFound; RetryRefused where compensation has
    begun, a deadline has passed, a parent has heard of the failure (retry that one) or another run has
    its key (key_free_at_end); SubjectTaken; PayloadUnreadable where it failed of a child, and the message of
    that is encrypted with a key that is not here.
    """
    refuse("calls retry()", IN_A_STEP)
    why = asked(by=by, reason=reason, via=via)
    run_id = newest_of(run_id_of(run_id))
    if deadline_seconds is not None:
        deadline_seconds = sensible(time_ahead, "deadline_seconds", deadline_seconds)
    while True:
        found = store.find(run_id)
        if found is None:
            raise RunNotFound(f"no run {run_id}")
        if found.state != RunState.FAILED:
            return bool(wake(run_id, why))
        tree = partial(_retry_tree, found, why, deadline_seconds)
        retried = as_the_only_one(run_id, partial(_with_its_key, found, tree))
        # Behind the transaction: a receiver must neither hold its locks nor break it.
        for each in retried:
            announcements.run_retried(each.id, each.workflow, why)
        if retried:
            return True


def _with_its_key(run: Found, act: Callable[[], list[Found]]) -> list[Found]:
    """Act, by which a run has the key again that its end had set free. Raises RetryRefused where another
    has it now."""
    try:
        with transaction.atomic():
            return act()
    except IntegrityError as exc:
        if broken_rule(exc) != KEY_ONCE:
            raise
        holder = find_by_key(run.workflow, run.key or "")
        told = f"the key {run.key!r} of run {run.id} is that of another run now"
        which = f", {holder[0]}" if holder else ""
        raise RetryRefused(f"{told}{which}; retry once that has ended") from None


def _retry_tree(top: Found, why: Asked, deadline_seconds: float | None) -> list[Found]:
    """Retry a failed run. Returns who goes on, the run itself last; nobody: something has changed
    meanwhile, look again."""
    plan = list(_planned(top))
    if not store.lock([each.run for each in plan]):
        return []
    _refuse_the_late(plan, deadline_seconds)
    _withdraw_from_parent(top)
    for each in plan:
        store.withdraw(each.run.id, [child.label for child in each.retried])
        if each.told_again:
            store.tell_again(each.run.id, each.told_again)
        fresh = deadline_seconds if each.run is top or each.run.is_late else None
        store.retry_run(each.run.id, why, positions=each.positions, deadline_seconds=fresh)
    return [each.run for each in plan]


def _planned(run: Found) -> Iterator[Planned]:
    """Yield what goes on, children before their parents. Raises RetryRefused."""
    history = History(load_history(run.id))
    _refuse_undone(run, history)
    failed = what_failed(history)
    _refuse_answered(run, failed)
    _refuse_others_child(run, history, failed.positions)
    retried: list[Found] = []
    told_again: list[Found] = []
    for child in store.children_of(run.id):
        if child.chain in failed.standing:
            continue
        if child.state not in FINAL_STATES:
            _refuse_ending(child)
        elif _goes_along(child):
            yield from _planned(child)
            retried.append(child)
        else:
            _refuse_failed_of(run, history, child)
            told_again.append(child)
    yield Planned(run=run, positions=failed.positions, retried=retried, told_again=told_again)


def _goes_along(child: Found) -> bool:
    """Whether a child is retried with its parent."""
    if child.state == RunState.CANCELLED:
        why = store.why_cancelled(child.id)
        return (why.by, why.reason) == (ENGINE, PARENT_FAILED)
    return child.state == RunState.FAILED and not History(load_history(child.id)).has_compensated


def _refuse_undone(run: Found, history: History) -> None:
    if history.has_compensated:
        told = f"run {run.id} has begun to undo its steps or to clean up, and cannot go on; {OTHERWISE}"
        raise RetryRefused(told)
    if run.retries >= MOST_RETRIES:
        raise RetryRefused(f"run {run.id} was retried {MOST_RETRIES:,} times; {OTHERWISE}")


def _refuse_answered(run: Found, failed: WhatFailed) -> None:
    if failed.answered is not None:
        raise RetryRefused(
            f"run {run.id} has answered the update {failed.answered.name!r} (position "
            f"{failed.answered.position}) behind what failed; fork it at {failed.positions[0]}"
        )


def _refuse_failed_of(run: Found, history: History, child: Found) -> None:
    """It would fail at once again: of the end of a child that cannot go on."""
    told = str(ChildFailed(child.workflow, str(child.chain), child.state.value, "", ""))
    failed_of_it = run.error_type == type_name(ChildFailed)
    if not failed_of_it or not str(readable(run.error_message)).startswith(told):
        return
    if child.state == RunState.COMPENSATED or History(load_history(child.id)).has_compensated:
        raise RetryRefused(
            f"child {child.workflow!r} ({child.id}), of which run {run.id} failed, has begun to undo its "
            f"steps, and cannot go on; fork run {run.id} at {started_at(history, child.chain)}: "
            "that starts the child anew"
        )


def _refuse_others_child(run: Found, history: History, positions: list[int]) -> None:
    """A fork cannot hear again of a child that it never had."""
    for position in positions:
        outcome, origin = history.outcome(position), history.origin(position)
        if origin and outcome is not None and outcome.kind == HistoryKind.EVENT_RECEIVED:
            raise RetryRefused(
                f"run {run.id} failed by the end of a child of run {origin}, from which it was forked; "
                f"retry that run, or fork it where the child is started"
            )


def _refuse_ending(child: Found) -> None:
    if child.state in (RunState.CANCELLING, RunState.COMPENSATING):
        raise RetryRefused(
            f"child {child.workflow!r} ({child.id}) still ends ({child.state}); retry once it has"
        )


def _refuse_the_late(plan: list[Planned], deadline_seconds: float | None) -> None:
    late = next((each.run for each in plan if each.run.is_late), None)
    if late is not None and deadline_seconds is None:
        told = f"the deadline of run {late.id} has passed; give a new one: deadline_seconds=…"
        raise RetryRefused(told)


def _withdraw_from_parent(run: Found) -> None:
    """Take back the news of its failure, so that its parent hears of the second end."""
    if run.parent_id is None:
        return
    news = store.lock_parent(run.parent_id, run.label)
    is_over = news.state is None or news.state in DEAF_STATES
    if not run.detached and news.state == RunState.CANCELLING:
        told = "is being cancelled, and this run would go on without it; fork it"
        raise RetryRefused(f"the parent of run {run.id} (run {run.parent_id}) {told}")
    if not run.detached and (is_over or news.is_consumed):
        what = f"has ended ({news.state})" if is_over else "has heard of its failure, and goes on"
        raise RetryRefused(
            f"the parent of run {run.id} {what}; retry the parent, run {run.parent_id}, once it has "
            "failed: that retries its failed child"
        )
    if not news.is_consumed:
        store.withdraw(run.parent_id, [run.label])
