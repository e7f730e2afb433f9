"""What the cluster's processes announce, as log lines of the logger "workflows.cluster"."""

import logging
import threading
from datetime import datetime
from typing import Any

import psycopg

from workflows import signals
from workflows.observe.once_a_minute import first_line, worth_saying

logger = logging.getLogger("workflows.cluster")
_away = threading.Event()
"""It was said that the database is away, and not yet that it is back."""


def connect() -> None:
    """Listen to the cluster."""
    signals.worker_failed.connect(_worker_failed)
    signals.lease_not_extended.connect(_lease_not_extended)
    signals.liveness_failed.connect(_liveness_failed)
    signals.database_away.connect(_database_away)
    signals.tables_missing.connect(_tables_missing)
    signals.database_hangs.connect(_database_hangs)
    signals.database_back.connect(_database_back)
    signals.bell_failed.connect(_bell_failed)
    signals.chore_failed.connect(_chore_failed)
    signals.cluster_stalled.connect(_cluster_stalled)
    signals.sentinel_hung.connect(_sentinel_hung)
    signals.cluster_died.connect(_cluster_died)


def _worker_failed(*, error: BaseException, **_: Any) -> None:
    if (since := worth_saying("worker failed", repr(error))) is not None:
        logger.error("a worker failed between two runs; it goes on%s", since, exc_info=error)


def _lease_not_extended(*, run_id: Any, error: BaseException, **_: Any) -> None:
    if (since := worth_saying("lease not extended", first_line(error))) is not None:
        words = "the lease of run %s was not extended%s: %s"
        logger.warning(words, run_id, since, first_line(error))


def _liveness_failed(*, error: BaseException, **_: Any) -> None:
    if (since := worth_saying("liveness failed", repr(error))) is not None:
        words = "looking after this worker's id failed; trying on%s"
        logger.error(words, since, exc_info=error)


def _database_away(*, error: BaseException, **_: Any) -> None:
    if (since := worth_saying("database away", first_line(error))) is not None:
        _away.set()
        words = " ".join(str(error).split())
        logger.warning("the database does not answer, waiting%s: %s", since, words)


def _tables_missing(**_: Any) -> None:
    _away.set()
    logger.error("the database lacks tables of ours: run `manage.py migrate`; waiting")


def _database_back(**_: Any) -> None:
    if _away.is_set():  # its going was said, and was not held back
        _away.clear()
        logger.warning("the database answers again")


def _database_hangs(*, waits_for: str, since: datetime, seconds: float, **_: Any) -> None:
    _away.set()
    logger.error(
        "the database has not answered for %.0f s: %s waits for it since %s",
        *(seconds, waits_for, since.isoformat(timespec="seconds")),
    )


def _bell_failed(*, error: BaseException, **_: Any) -> None:
    if (since := worth_saying("bell failed", repr(error))) is not None:
        logger.error("the bell failed; trying on%s", since, exc_info=error)


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
