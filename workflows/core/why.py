"""Why a run does not move, or what moves it: one sentence, from what is known of it."""

from datetime import datetime

from workflows.core.history import HistoryKind
from workflows.core.line_fields import BY, REASON
from workflows.core.states import DUE_STATES, RunState
from workflows.core.step_views import StepState
from workflows.core.why_facts import (
    Cause,
    Facts,
    Reason,
    at,
    at_line,
    brief,
    by_then,
    error_words,
    last_line,
    span,
)
from workflows.core.why_waits import waiting


def reason_of(facts: Facts) -> Reason:
    """Say why a run does not move."""
    run = facts.run
    if run.is_over:
        return _over(facts)
    if facts.held:
        return _held(facts)
    if run.state == RunState.PAUSED:
        return _paused(facts)
    if run.state == RunState.BLOCKED:
        return _blocked(facts)
    if run.state in DUE_STATES and run.wake_at is not None and run.wake_at <= facts.now:
        return _due(facts)
    return waiting(facts)


def _over(facts: Facts) -> Reason:
    run = facts.run
    if run.continued_as is not None:
        return Reason(cause=Cause.OVER, sentence=f"It went on as run {run.continued_as}.")
    ended = f" {at(run.finished_at)}" if run.finished_at else ""
    if run.state != RunState.FAILED:
        return Reason(cause=Cause.OVER, sentence=f"It is {run.state}{ended}.")
    undoing = f" A step could not be undone: {error_words(run.compensation_error)}."
    return Reason(
        cause=Cause.OVER,
        sentence=f"It failed{ended}: {error_words(run.error)}."
        + (undoing if run.compensation_error else ""),
        advice="Retry it once the cause is mended, or have its steps undone.",
    )


def _held(facts: Facts) -> Reason:
    run, driver = facts.run, facts.driver
    where = f" on host {driver.host}, pid {driver.pid}" if driver else ""
    if driver is not None and not driver.lives:
        return Reason(
            cause=Cause.SILENT,
            sentence=f"Its worker{where} shows no life; another takes the run over"
            f"{by_then(facts.lease_until)}.",
            until=facts.lease_until,
        )
    stops = {RunState.CANCELLING: " It has been cancelled, and ends at its next operation."}.get(
        run.state, " It pauses at its next operation." if run.pausing else ""
    )
    doing = _under_way(facts) or f"A worker{where} drives it."
    return Reason(cause=Cause.DRIVEN, sentence=doing + _heard(facts) + stops)


def _under_way(facts: Facts) -> str:
    running = [each for each in facts.steps if each.running_since is not None and each.host]
    told = [
        f"{each.name!r} (attempt {each.attempts + 1}) for "
        f"{span(facts.now - each.running_since)} on host {each.host}, pid {each.pid}"
        for each in running
        if each.running_since is not None
        and each.state in (StepState.RUNNING, StepState.COMPENSATING)
    ]
    if not told:
        return ""
    undoing = facts.run.state == RunState.COMPENSATING
    return f"{'It undoes' if undoing else 'It runs'} step {', and '.join(told)}."


def _heard(facts: Facts) -> str:
    beat = facts.run.heartbeat
    if not beat or "at" not in beat:
        return ""
    heard = facts.now - datetime.fromisoformat(str(beat["at"]))
    return f" Its last heartbeat came {span(heard)} ago."


def _paused(facts: Facts) -> Reason:
    line = last_line(facts, HistoryKind.PAUSED)
    by = (BY.find(line) if line else "") or "somebody"
    why = (REASON.find(line) if line else "") or ""
    return Reason(
        cause=Cause.PAUSED,
        sentence=f"Paused by {by}{at_line(line)}{f': {brief(why)}' if why else ''}.",
        advice="Resume it: what fell due meanwhile happens then.",
    )


def _blocked(facts: Facts) -> Reason:
    line = last_line(facts, HistoryKind.BLOCKED)
    return Reason(
        cause=Cause.BLOCKED,
        sentence=f"Blocked{at_line(line)}: {error_words(facts.run.error)}.",
        advice="Mend what it says and retry it, or cancel it.",
    )


def _due(facts: Facts) -> Reason:
    run = facts.run
    since = f"It has been due for {span(facts.now - (run.wake_at or facts.now))}"
    if facts.living == 0:
        return Reason(
            cause=Cause.NO_WORKER,
            sentence=f"{since}, and no worker lives.",
            advice="Start a cluster: manage.py runcluster.",
        )
    if run.code_missing:
        pool = "its pool" if facts.pool is None else f"the pool {facts.pool!r}"
        how = "" if facts.pool is None else f": manage.py runcluster --pool {facts.pool}"
        return Reason(
            cause=Cause.CODE_MISSING,
            sentence=f"{since}, and no living worker serves {pool} and has code for {run.workflow!r}, "
            f"version {run.version}.",
            advice=f"Start a cluster with that code and pool (new code is known after a restart){how}.",
        )
    return Reason(cause=Cause.DUE, sentence=f"{since}: the next worker with a free slot takes it.")
