"""How many runs there are in each state: exactly where that is cheap, and else told as what it is."""

from collections import Counter
from typing import NamedTuple

from django.db.models import TextChoices

from workflows.core.states import DUE_STATES, HELD_STATES, RunState
from workflows.models import Run
from workflows.models.run import TROUBLED_STATES
from workflows.store.database import query_one
from workflows.store.found_runs import Wanted, matching
from workflows.store.statement import Statement

MOST_COUNTED = 5_000
"""Rows that one count looks at: more than that, a page that is live cannot afford."""
_INDEXED = frozenset({*DUE_STATES, *HELD_STATES, RunState.PAUSED, *map(RunState, TROUBLED_STATES)})
"""States that partial indexes hold."""

# What ANALYZE has seen last; a table that was never looked at has -1.
_ESTIMATE = Statement(
    """
    SELECT greatest(class.reltuples, 0)::float8,
           coalesce(stats.most_common_vals::text::text[], '{}'), coalesce(stats.most_common_freqs, '{}')
    FROM pg_class AS class JOIN pg_namespace AS place ON place.oid = class.relnamespace
    LEFT JOIN pg_stats AS stats ON stats.schemaname = place.nspname
        AND stats.tablename = class.relname AND stats.attname = 'state' AND NOT stats.inherited
    WHERE class.oid = 'workflows_run'::regclass
    """
)


class How(TextChoices):
    """What a count is worth."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    """There are more than were looked at."""
    ABOUT = "about"
    """As PostgreSQL's statistics have it."""


class StateCount(NamedTuple):
    """How many runs are in a state."""

    runs: int
    how: How


def count_states(wanted: Wanted) -> dict[RunState, StateCount]:
    """Return how many of these runs are in each state. wanted: without a state."""
    seen = matching(wanted).values_list("state", flat=True)[: MOST_COUNTED + 1]
    counts = Counter(seen)
    if counts.total() <= MOST_COUNTED:
        return {state: StateCount(counts[state], How.EXACT) for state in RunState}
    if wanted:
        return {state: StateCount(counts[state], How.AT_LEAST) for state in RunState}
    return _of_all()


def _of_all() -> dict[RunState, StateCount]:
    about = _estimates()
    return {
        state: _up_to_most(state)
        if state in _INDEXED
        else StateCount(about.get(state, 0), How.ABOUT)
        for state in RunState
    }


def _up_to_most(state: RunState) -> StateCount:
    # By its name in the text: only so may the planner take a partial index.
    runs = Run.objects.filter(state=state)[: MOST_COUNTED + 1].count()
    return StateCount(min(runs, MOST_COUNTED), How.AT_LEAST if runs > MOST_COUNTED else How.EXACT)


def _estimates() -> dict[str, int]:
    found = query_one(_ESTIMATE)
    if found is None:
        return {}
    rows, states, shares = found
    return {state: round(rows * share) for state, share in zip(states, shares, strict=True)}
