"""What the cluster's processes announce, as log lines of the logger "workflows.cluster"."""

import logging
from typing import Any

import psycopg

from workflows import signals

logger = logging.getLogger("workflows.cluster")


def connect() -> None:
    """Listen to the cluster."""
    signals.worker_failed.connect(_worker_failed)
    signals.lease_not_extended.connect(_lease_not_extended)
    signals.liveness_failed.connect(_liveness_failed)
    signals.database_away.connect(_database_away)
    signals.tables_missing.connect(_tables_missing)
    signals.database_back.connect(_database_back)
    signals.bell_failed.connect(_bell_failed)
    signals.chore_failed.connect(_chore_failed)
    signals.cluster_stalled.connect(_cluster_stalled)
    signals.sentinel_hung.connect(_sentinel_hung)
    signals.cluster_died.connect(_cluster_died)


def _worker_failed(*, error: BaseException, **_: Any) -> None:
    logger.error("a worker failed between two runs; it goes on", exc_info=error)


def _lease_not_extended(*, run_id: Any, error: BaseException, **_: Any) -> None:
    logger.warning("the lease of run %s was not extended: %s", run_id, error)


def _liveness_failed(*, error: BaseException, **_: Any) -> None:
    logger.error("looking after this worker's id failed; trying on", exc_info=error)


def _database_away(*, error: BaseException, **_: Any) -> None:
    words = " ".join(str(error).split())
    logger.warning("the database does not answer, waiting: %s", words)


def _tables_missing(**_: Any) -> None:
    logger.error("the database lacks tables of ours: run `manage.py migrate`; waiting")


def _database_back(**_: Any) -> None:
    logger.warning("the database answers again")


def _bell_failed(*, error: BaseException, **_: Any) -> None:
    logger.error("the bell failed; trying on", exc_info=error)


def _chore_failed(*, chore: str, error: BaseException, **_: Any) -> None:
    # What the database refuses says it all; a fault of ours needs its traceback.
    traceback = None if isinstance(error, psycopg.Error) else error
    what = str(error).partition("\n")[0]
    words = "the chore %r failed, the others go on: %s"
    logger.error(words, chore, what, exc_info=traceback)


def _cluster_stalled(**_: Any) -> None:
    logger.critical("tasks wait while workers idle; the cluster starts again")


def _sentinel_hung(**_: Any) -> None:
    logger.critical("the sentinel hangs; the cluster starts again")


def _cluster_died(*, restart_in_seconds: float, **_: Any) -> None:
    logger.error("the cluster died; starting it again in %.1f s", restart_in_seconds)
