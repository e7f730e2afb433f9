"""How many runs there are that have not ended, by workflow and state: read by index, up to so many of each kind."""

from typing import NamedTuple

from workflows.core.states import RunState
from workflows.store.database import query
from workflows.store.overview import DUE_NOW, GUESTS, HELD, MOST_COUNTED, TIMED, UNTIMED
from workflows.store.statement import STATEMENT_TIME, Statement

_OF_STATE = "SELECT workflow, state FROM workflows_run WHERE state = '{}' LIMIT {}"
_SOURCES = {
    "due": DUE_NOW,
    "timed": TIMED,
    "untimed": UNTIMED,
    "in a pool": GUESTS,
    "held": f"SELECT workflow, state FROM workflows_run WHERE {HELD}",
    "paused": _OF_STATE.format(RunState.PAUSED, MOST_COUNTED),
    "blocked": _OF_STATE.format(RunState.BLOCKED, MOST_COUNTED),
}
# A guest whose own time has come is due there, too.
_NOT_TWICE = f"wake_at IS NULL OR wake_at > {STATEMENT_TIME}"
_COUNTS = Statement(
    " UNION ALL ".join(
        f"SELECT '{what}', workflow, state, count(*) FROM ({source}) AS counted "
        f"{f'WHERE {_NOT_TWICE}' if source == GUESTS else ''} GROUP BY 2, 3"
        for what, source in _SOURCES.items()
    )
)
_UNREAD = Statement(
    f"""
    SELECT count(*) FROM (SELECT FROM workflows_event WHERE position IS NULL LIMIT {MOST_COUNTED}) AS unread
    """
)


class RunCounts(NamedTuple):
    """What was counted, and of what there may be more."""

    runs: list[tuple[str, str, int]]
    """Workflow, state and how many, in order."""
    stopped: dict[str, bool]
    """Whether counting has stopped, by what was counted apart."""


def load_run_counts() -> RunCounts:
    """Count the runs that have not ended."""
    totals: dict[tuple[str, str], int] = {}
    counted = dict.fromkeys(_SOURCES, 0)
    for what, workflow, state, count in query(_COUNTS):
        counted[what] += count
        totals[workflow, state] = totals.get((workflow, state), 0) + count
    runs = [(workflow, state, count) for (workflow, state), count in sorted(totals.items())]
    stopped = {what: what != "held" and count >= MOST_COUNTED for what, count in counted.items()}
    return RunCounts(runs, stopped)


def load_unread() -> int:
    """Count the events that nobody has consumed, up to MOST_COUNTED."""
    [[unread]] = query(_UNREAD)
    return int(unread)
