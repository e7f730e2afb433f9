"""What the engine announces, as log lines of the logger "workflows"."""

import logging
import time
from typing import Any

import psycopg

from workflows import signals

logger = logging.getLogger("workflows")

SAY_AGAIN_SECONDS = 60.0
"""What stands in the way of all runs is said so often, and not for each of them."""
MANY_CAUSES = 100
_said: dict[str, tuple[float, int]] = {}
"""When each cause was said last, and how often it was met since."""

_HELD_BY_OTHERS = (
    "%s %s: an open transaction holds the row of the run, which goes back to the queue, again %s%s; "
    "send events last in a transaction (%s)"
)


def connect() -> None:
    """Listen to the engine."""
    signals.run_finished.connect(_finished)
    signals.run_blocked.connect(_blocked)
    signals.attempt_failed.connect(_attempt_failed)
    signals.lease_lost.connect(_lease_lost)
    signals.drive_abandoned.connect(_abandoned)
    signals.drive_refused.connect(_refused)
    signals.claim_refused.connect(_claim_refused)
    signals.heartbeat_unheard.connect(_unheard)
    signals.hook_failed.connect(_hook_failed)
    signals.newer_code_awaited.connect(_newer_code_awaited)
    signals.runs_recovered.connect(_recovered)
    signals.code_missing.connect(_code_missing)


def _finished(
    *, run_id: Any, workflow: str, state: str, error: dict[str, str] | None, **_: Any
) -> None:
    if error is not None:
        logger.error("%s %s %s: %s: %s", workflow, run_id, state, error["type"], error["message"])
    else:
        logger.info("%s %s %s", workflow, run_id, state)


def _blocked(*, run_id: Any, workflow: str, error: dict[str, str], **_: Any) -> None:
    logger.error("%s %s is blocked: %s: %s", workflow, run_id, error["type"], error["message"])


def _attempt_failed(
    *,
    run_id: Any,
    workflow: str,
    step: str,
    attempt: int,
    error: dict[str, str],
    retry_in_seconds: float | None,
    **_: Any,
) -> None:
    after = "no more attempts" if retry_in_seconds is None else f"again in {retry_in_seconds:.1f} s"
    what = f"{error['type']}: {error['message']}"
    logger.warning(
        "%s %s: step %s, attempt %d failed (%s): %s", workflow, run_id, step, attempt, after, what
    )


def _lease_lost(*, run_id: Any, workflow: str, attempt: int, **_: Any) -> None:
    logger.warning(
        "%s %s: attempt %d lost its lease and wrote nothing more", workflow, run_id, attempt
    )


def _abandoned(*, run_id: Any, workflow: str, error: Exception, **_: Any) -> None:
    logger.warning("%s %s: drive abandoned, the database failed: %s", workflow, run_id, error)


def _refused(
    *, run_id: Any, workflow: str, error: Exception, retry_in_seconds: float | None, **_: Any
) -> None:
    if (since := _worth_saying(error)) is not None:
        when = "by the sweep" if retry_in_seconds is None else f"in {retry_in_seconds:g} s"
        said = (workflow, run_id, when, since, _first_line(error))
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            logger.warning(_HELD_BY_OTHERS, *said)
        else:
            logger.error(
                "%s %s: the database refused a statement of the drive, again %s%s: %s", *said
            )


def _unheard(*, run_id: Any, step: str, error: Exception, **_: Any) -> None:
    if (since := _worth_saying(error)) is not None:
        words = "%s: a heartbeat of step %s was not taken%s: %s"
        logger.warning(words, run_id, step, since, _first_line(error))


def _claim_refused(*, error: Exception, **_: Any) -> None:
    if (since := _worth_saying(error)) is not None:
        logger.error(
            "due runs are not driven, the database refused%s: %s", since, _first_line(error)
        )


def _worth_saying(error: Exception) -> str | None:
    """Return how often the same was met in silence, in words; None: say nothing this time."""
    cause, now = _first_line(error), time.monotonic()
    said_at, met = _said.get(cause, (None, 0))
    if said_at is not None and now - said_at < SAY_AGAIN_SECONDS:
        _said[cause] = (said_at, met + 1)
        return None
    if len(_said) >= MANY_CAUSES:
        _said.clear()
    _said[cause] = (now, 0)
    return f" ({met} more since it was last said)" if met else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _hook_failed(*, run_id: Any, step: str, error: Exception, **_: Any) -> None:
    logger.error(
        "%s: an on_commit hook of step %s failed after the commit: %r", run_id, step, error
    )


def _newer_code_awaited(*, run_id: Any, workflow: str, what: str, **_: Any) -> None:
    logger.warning(
        "%s %s: the code here does not know %r; the run waits for newer code",
        workflow,
        run_id,
        what,
    )


def _recovered(*, runs: list[tuple[Any, str, str]], **_: Any) -> None:
    for run_id, workflow, state in runs:
        logger.warning("%s %s: its worker was lost; now %s", workflow, run_id, state)


def _code_missing(*, workflow: str, version: int, runs: int, run_id: Any, **_: Any) -> None:
    logger.warning(
        "no living worker has code for %s version %d: %d due, first %s; start the clusters again so that "
        "they read new code, or deploy it",
        workflow,
        version,
        runs,
        run_id,
    )
