"""Is this wait or sleep over?"""

from datetime import datetime

from workflows.core.history import HistoryEntry


def deadline(started: HistoryEntry) -> datetime | None:
    """Return when the wait or sleep ends by itself; None: only an event ends it."""
    until = started.data.get("until")
    return None if until is None else datetime.fromisoformat(until)


def is_due(started: HistoryEntry, now: datetime) -> bool:
    """Say whether its time has come."""
    until = deadline(started)
    return until is not None and until <= now
