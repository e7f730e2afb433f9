"""Counts of runs by state, kept for a moment: many people look at the same list, each every two seconds."""

import time
from threading import Lock

from workflows.api import RunFilter, RunState
from workflows.engine.requests.listing import count_states
from workflows.store.state_counts import StateCount

KEPT_SECONDS = 2.0
MOST_KEPT = 64

_lock = Lock()
_kept: dict[str, tuple[float, dict[RunState, StateCount]]] = {}


def counted(name: str, wanted: RunFilter) -> dict[RunState, StateCount]:
    """Return count_states(**wanted), as it was at most KEPT_SECONDS ago. name: what tells one filter from
    another."""
    now = time.monotonic()
    with _lock:
        at, counts = _kept.get(name, (0.0, {}))
        if counts and now - at < KEPT_SECONDS:
            return counts
    counts = count_states(**wanted)
    with _lock:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[name] = (now, counts)
    return counts


def forget() -> None:
    """Forget all counts: what was done just now must show."""
    with _lock:
        _kept.clear()
