"""What no line of history tells is counted in the worker's memory, and added to the statistics every few seconds.

That is how long runs had been due when they were claimed, and drives whose writes were refused. A worker that dies takes its last
few seconds of both along.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Any

from workflows import signals
from workflows.core.figures import Counted, Figure, Grain, Subject, count_in_all, span_of
from workflows.store.database import Connection
from workflows.store.statistics import add_figures

BETWEEN_FLUSHES_SECONDS = 5.0

_lock = threading.Lock()
_told: dict[tuple[datetime, Subject], Figure] = {}
_flushed_at = 0.0


def begin() -> None:
    """Count what this process announces from now on."""
    signals.run_claimed.connect(_on_claimed)
    signals.lease_lost.connect(_on_fenced)


def end() -> None:
    """Count no more, and forget what was not added yet."""
    signals.run_claimed.disconnect(_on_claimed)
    signals.lease_lost.disconnect(_on_fenced)
    with _lock:
        _told.clear()


def are_due() -> bool:
    """Whether there is something to add, and time for it."""
    return bool(_told) and time.monotonic() - _flushed_at >= BETWEEN_FLUSHES_SECONDS


def flush(own: Connection) -> None:
    """Add what was counted, in one statement. Raises psycopg.Error; then it is kept for the next time, unless
    the answer was lost."""
    global _flushed_at
    with _lock:
        taken = dict(_told)
        _told.clear()
        _flushed_at = time.monotonic()
    told = [(minute, subject, figure) for (minute, subject), figure in taken.items()]
    try:
        add_figures(count_in_all(told), on=own)
    except BaseException:
        if not own.closed:
            with _lock:
                for place, figure in taken.items():
                    _told.setdefault(place, Figure()).add(figure)
        raise


def _on_claimed(*, workflow: str, version: int, late_seconds: float, **_: Any) -> None:
    _count(Subject(Counted.CLAIMED, workflow, version), max(0.0, late_seconds))


def _on_fenced(*, workflow: str, **_: Any) -> None:
    _count(Subject(Counted.FENCED, workflow, 0))


def _count(subject: Subject, seconds: float | None = None) -> None:
    place = span_of(Grain.MINUTE, datetime.now(UTC)), subject
    with _lock:
        figure = _told.setdefault(place, Figure())
        if seconds is None:
            figure.count += 1
        else:
            figure.took(seconds)
