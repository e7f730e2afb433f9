"""What the engine announces, as log lines of the logger "workflows"."""

import logging
from typing import Any

from workflows import signals

logger = logging.getLogger("workflows")


def connect() -> None:
    """Listen to the engine."""
    signals.run_finished.connect(_finished)
    signals.run_blocked.connect(_blocked)
    signals.attempt_failed.connect(_attempt_failed)
    signals.lease_lost.connect(_lease_lost)
    signals.drive_abandoned.connect(_abandoned)
    signals.hook_failed.connect(_hook_failed)
    signals.newer_code_awaited.connect(_newer_code_awaited)
    signals.runs_recovered.connect(_recovered)


def _finished(
    *, run_id: Any, workflow: str, state: str, error: dict[str, str] | None, **_: Any
) -> None:
    if error is not None:
        logger.error("%s %s %s: %s: %s", workflow, run_id, state, error["type"], error["message"])
    else:
        logger.info("%s %s %s", workflow, run_id, state)


def _blocked(*, run_id: Any, workflow: str, error: dict[str, str], **_: Any) -> None:
    logger.error("%s %s is blocked: %s", workflow, run_id, error["message"])


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
