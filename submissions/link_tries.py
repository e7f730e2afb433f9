"""When the link check tries again, how long each try may take, and when there are enough.

Pure but for `waited_seconds`, which asks the run's history, and `failed_try`, which draws.
"""

import random
from datetime import datetime
from uuid import UUID

from workflows.api import (
    HistoryKind,
    Permanent,
    RetryPolicy,
    StepInfo,
    Transient,
    current_step,
    get_history,
)

LINK_TRIES = 5
LINK_RETRY = RetryPolicy(
    attempts=LINK_TRIES, first_delay_seconds=10, factor=3, max_delay_seconds=120, jitter=0.1
)
BUDGETS_SECONDS = (5.0, 10.0, 15.0)
"""Of the first tries, the last for all that follow: a slow site is let wait, not the others."""
LONGEST_TRY_SECONDS = 20
"""The step's own limit, beyond the longest budget."""
LONGEST_WAITS_SECONDS = 2 * 3_600.0
"""Of all waits between the tries of one link: for so long at most it holds its slot."""


def try_under_way() -> StepInfo:
    """Return which try of the link check this is. Raises RuntimeError where no run makes it."""
    step = current_step()
    if step is None:
        raise RuntimeError("check_link is a step; let a run call it")
    return step


def budget_seconds(attempt: int) -> float:
    """Return how long this try may take; attempts count from 1."""
    return BUDGETS_SECONDS[min(attempt, len(BUDGETS_SECONDS)) - 1]


def next_wait(attempt: int, asked_seconds: float | None, *, draw: float) -> float | None:
    """Return the longer of the back-off and what the site asked for; None after the last try.

    draw is a number from 0 to 1 made by the caller, as for the back-off's jitter.
    """
    back_off = LINK_RETRY.delay_after(attempt, draw=draw)
    return None if back_off is None else max(back_off, asked_seconds or 0.0)


def waited_seconds(run_id: UUID, position: int) -> int:
    """Return how long the run has waited for further tries at this place of its code."""
    failed = [
        entry
        for entry in get_history(run_id)
        if entry.kind == HistoryKind.ATTEMPT_FAILED and entry.position == position
    ]
    return sum(
        round((datetime.fromisoformat(entry.data["retry_at"]) - entry.at).total_seconds())
        for entry in failed
    )


def failed_try(step: StepInfo, sentence: str, asked_seconds: float | None) -> Exception:
    """Return what a failed try raises: whether another follows, and after how long."""
    draw = random.random()  # noqa: S311 - no secret
    wait = next_wait(step.attempt, asked_seconds, draw=draw)
    if wait is None:
        return Transient(sentence)
    if waited_seconds(step.run_id, step.position) + wait > LONGEST_WAITS_SECONDS:
        return Permanent(sentence)
    return Transient(sentence, retry_after_seconds=wait)
