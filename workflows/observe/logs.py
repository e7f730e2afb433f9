"""What the engine announces, as log lines of the logger "workflows"."""

import logging
from typing import Any

import psycopg

from workflows import signals
from workflows.observe.once_a_minute import first_line, worth_saying

logger = logging.getLogger("workflows")

TOLD_AS_ERRORS = ("blocked", "failed")
"""What becomes of a run that has lost too many workers; each has a signal of its own."""

_HELD_BY_OTHERS = (
    "%s %s: an open transaction holds the row of the run, which goes back to the queue, again %s%s; "
    "send events last in a transaction (%s)"
)


def connect() -> None:
    """Listen to the engine."""
    signals.run_finished.connect(_finished)
    signals.run_blocked.connect(_blocked)
    signals.run_paused.connect(_paused)
    signals.run_resumed.connect(_resumed)
    signals.run_retried.connect(_retried)
    signals.attempt_failed.connect(_attempt_failed)
    signals.lease_lost.connect(_lease_lost)
    signals.drive_abandoned.connect(_abandoned)
    signals.drive_refused.connect(_refused)
    signals.claim_abandoned.connect(_claim_abandoned)
    signals.claim_refused.connect(_claim_refused)
    signals.heartbeat_unheard.connect(_unheard)
    signals.chunks_lost.connect(_chunks_lost)
    signals.hook_failed.connect(_hook_failed)
    signals.newer_code_awaited.connect(_newer_code_awaited)
    signals.runs_recovered.connect(_recovered)
    signals.code_missing.connect(_code_missing)
    signals.runs_pruned.connect(_pruned)
    signals.history_long.connect(_long)


def _finished(
    *, run_id: Any, workflow: str, state: str, error: dict[str, str] | None, **_: Any
) -> None:
    if error is not None:
        # What has been undone is in order again; what has failed is not.
        level = logging.WARNING if state == "compensated" else logging.ERROR
        told = "%s %s %s: %s: %s"
        logger.log(level, told, workflow, run_id, state, error["type"], error["message"])
    else:
        logger.info("%s %s %s", workflow, run_id, state)


def _blocked(*, run_id: Any, workflow: str, error: dict[str, str], **_: Any) -> None:
    logger.error("%s %s is blocked: %s: %s", workflow, run_id, error["type"], error["message"])


def _paused(*, run_id: Any, workflow: str, by: str, reason: str, **_: Any) -> None:
    logger.info("%s %s is paused by %s: %s", workflow, run_id, by or "somebody", reason)


def _resumed(*, run_id: Any, workflow: str, by: str, reason: str, **_: Any) -> None:
    logger.info("%s %s is resumed by %s: %s", workflow, run_id, by or "somebody", reason)


def _retried(*, run_id: Any, workflow: str, by: str, reason: str, **_: Any) -> None:
    logger.info("%s %s is retried by %s: %s", workflow, run_id, by or "somebody", reason)


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
    if (since := worth_saying("lease lost", workflow)) is not None:
        words = "%s %s: attempt %d lost its lease and wrote nothing more%s"
        logger.warning(words, workflow, run_id, attempt, since)


def _abandoned(*, run_id: Any, workflow: str, error: Exception, **_: Any) -> None:
    if (since := worth_saying("drive abandoned", first_line(error))) is not None:
        words = "%s %s: drive abandoned, the database failed%s: %s"
        logger.warning(words, workflow, run_id, since, first_line(error))


def _refused(
    *, run_id: Any, workflow: str, error: Exception, retry_in_seconds: float | None, **_: Any
) -> None:
    if (since := worth_saying("drive refused", first_line(error))) is not None:
        when = "by the sweep" if retry_in_seconds is None else f"in {retry_in_seconds:g} s"
        said = (workflow, run_id, when, since, first_line(error))
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            logger.warning(_HELD_BY_OTHERS, *said)
        else:
            logger.error(
                "%s %s: the database refused a statement of the drive, again %s%s: %s", *said
            )


def _unheard(*, run_id: Any, step: str, error: Exception, **_: Any) -> None:
    if (since := worth_saying("heartbeat unheard", first_line(error))) is not None:
        words = "%s: a heartbeat of step %s was not taken%s: %s"
        logger.warning(words, run_id, step, since, first_line(error))


def _chunks_lost(*, run_id: Any, chunks: int, error: Exception, **_: Any) -> None:
    if (since := worth_saying("chunks lost", first_line(error))) is not None:
        words = "%s: %s chunks of its stream were not taken%s: %s"
        logger.warning(words, run_id, chunks, since, first_line(error))


def _claim_abandoned(*, error: Exception, **_: Any) -> None:
    if (since := worth_saying("claim abandoned", first_line(error))) is not None:
        words = "due runs are not driven, workers do not reach the database%s: %s"
        logger.warning(words, since, " ".join(str(error).split()))


def _claim_refused(*, error: Exception, **_: Any) -> None:
    if (since := worth_saying("claim refused", first_line(error))) is not None:
        logger.error(
            "due runs are not driven, the database refused%s: %s", since, first_line(error)
        )


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


def _recovered(*, runs: list[tuple[Any, str, str]], reasons: list[str], **_: Any) -> None:
    for (run_id, workflow, state), why in zip(runs, reasons, strict=True):
        if state in TOLD_AS_ERRORS:
            continue
        if (since := worth_saying("recovered", workflow, str(state))) is not None:
            words = "%s %s: its worker was lost: %s; now %s%s"
            logger.warning(words, workflow, run_id, why, state, since)


def _code_missing(
    *, workflow: str, version: int, runs: int, run_id: Any, pool: str | None, **_: Any
) -> None:
    if pool is None:
        words = (
            "no living worker has code for %s version %d: %d due, first %s; start the clusters again so "
            "that they read new code, or deploy it"
        )
        logger.warning(words, workflow, version, runs, run_id)
    else:
        words = (
            "no living worker serves the pool %r of %s version %d: %d due, first %s; start a cluster "
            "with `runcluster --pool %s`"
        )
        logger.warning(words, pool, workflow, version, runs, run_id, pool)


def _pruned(*, runs: int, **_: Any) -> None:
    logger.info("%d runs that ended long ago are deleted, as WORKFLOWS['retention'] says", runs)


def _long(*, run_id: Any, workflow: str, operations: int, **_: Any) -> None:
    words = "%s %s has come to %d operations, which every drive replays; let it continue_as_new now and then"
    logger.warning(words, workflow, run_id, operations)
