"""What a run waits for that is not due: time, an event, a child, a limit, the next attempt, newer code."""

from collections.abc import Callable, Sequence

from workflows.core.history import HistoryKind
from workflows.core.line_fields import PROBLEM
from workflows.core.lines import CHILD_EVENT, KEY_AWAITED
from workflows.core.states import RunState
from workflows.core.step_views import StepState
from workflows.core.update_lines import UPDATE_EVENT
from workflows.core.why_facts import Cause, Facts, Reason, brief, error_words, or_until, then


def waiting(facts: Facts) -> Reason:
    """Say what a run that is not due waits for."""
    for told in _WAITS:
        reason = told(facts)
        if reason is not None:
            return reason
    run = facts.run
    begun = "It sleeps" if run.started_at else "It begins"
    return Reason(cause=Cause.TIME, sentence=f"{begun}{then(run.wake_at)}.", until=run.wake_at)


def _limit(facts: Facts) -> Reason | None:
    words = next(iter(facts.run.waiting_for), "")
    if not words.startswith("limit "):
        return None
    return Reason(cause=Cause.LIMIT, sentence=f"It waits for {words}.", until=facts.run.wake_at)


def _children(facts: Facts) -> Reason | None:
    if not any(name.startswith(CHILD_EVENT) for name in facts.run.waiting_for):
        return None
    told = [f"{each.workflow} {each.id} ({each.state})" for each in facts.children[:3]]
    more = len(facts.children) - len(told)
    others = f" and {more} more" if more > 0 else ""
    return Reason(
        cause=Cause.CHILD,
        sentence=f"It waits for {'children' if len(facts.children) > 1 else 'child'} "
        f"{', '.join(told)}{others}{or_until(facts)}.",
        until=facts.run.wake_at,
        advice="Ask why that one does not move.",
    )


def _event(facts: Facts) -> Reason | None:
    if not facts.run.waiting_for:
        return None
    others = sorted(set(facts.unread) - set(facts.run.waiting_for))
    unread = f" Sent, and not asked for yet: {', '.join(map(_unread, others))}." if others else ""
    return Reason(
        cause=Cause.EVENT,
        sentence=f"It waits for {_awaited(facts.run.waiting_for)}{or_until(facts)}.{unread}",
        until=facts.run.wake_at,
    )


def _awaited(names: Sequence[str]) -> str:
    """Return the names of what may come: event 'go' or update 'add'."""
    updates = [name for name in names if name.startswith(UPDATE_EVENT)]
    events = [name for name in names if name not in updates]
    shown = [name.removeprefix(UPDATE_EVENT) for name in updates]
    told = [("event", events), ("update", shown)]
    return " or ".join(f"{kind} {' or '.join(map(repr, each))}" for kind, each in told if each)


def _unread(name: str) -> str:
    plain = name.removeprefix(UPDATE_EVENT)
    return repr(name) if plain == name else f"update {plain!r}"


def _retry(facts: Facts) -> Reason | None:
    later = [
        each
        for each in facts.steps
        if each.retry_at is not None and each.state in (StepState.WAITING, StepState.COMPENSATING)
    ]
    if not later:
        return None
    step = min(later, key=lambda each: each.retry_at or facts.now)
    undoing = facts.run.state == RunState.COMPENSATING
    error = step.compensation_error if undoing else step.error
    what = "Undoing step" if undoing else "Step"
    return Reason(
        cause=Cause.RETRY,
        sentence=f"{what} {step.name!r} failed ({error_words(error)}), attempt {step.attempts}; the next "
        f"comes{then(step.retry_at)}.",
        until=step.retry_at,
        advice="Retry it, where the cause is mended: the next attempt comes at once.",
    )


def _newer_code(facts: Facts) -> Reason | None:
    line = facts.lines[-1] if facts.lines else None
    if line is None or line.kind != HistoryKind.CODE_AWAITED:
        return None
    until = facts.run.wake_at
    if line.name.startswith(KEY_AWAITED):
        key_id = line.name.removeprefix(KEY_AWAITED)
        return Reason(
            cause=Cause.KEY,
            sentence=f"It waits for a worker with the key {key_id!r}, with which values are encrypted; the "
            f"next look comes{then(until)}.",
            until=until,
            advice="Give that key to the codec of the clusters.",
        )
    return Reason(
        cause=Cause.NEWER_CODE,
        sentence=f"It waits for a worker with newer code ({brief(str(PROBLEM.find(line)))}); the next "
        f"look comes{then(until)}.",
        until=until,
        advice="Deploy the newer code to the clusters.",
    )


def _lost(facts: Facts) -> Reason | None:
    line = facts.lines[-1] if facts.lines else None
    waits = facts.run.state == RunState.PENDING and facts.run.started_at is not None
    if not waits:
        return None
    lost = line is not None and line.kind == HistoryKind.RECOVERED
    what = "Its worker was lost" if lost else "Its last drive was given up"
    return Reason(
        cause=Cause.LOST,
        sentence=f"{what}; the next comes{then(facts.run.wake_at)}.",
        until=facts.run.wake_at,
    )


_WAITS: Sequence[Callable[[Facts], Reason | None]] = (
    _limit,
    _children,
    _event,
    _newer_code,
    _retry,
    _lost,
)
