"""Guests: runs that wait for the pool of their next step, where clusters of that pool take them.

A guest has a time of its own, step_due_at, and an index of its own, run_step_pool_idx, read backwards as the
queue reads run_turn_idx: whoever serves no such pool passes it without a look.
"""

from typing import Any, NamedTuple

from workflows.core.states import DUE_STATES
from workflows.store.statement import STATEMENT_TIME, one_of

# An older release that drives a run beside its time leaves that as it is: the lease tells.
_WAITS = f"step_due_at IS NOT NULL AND lease_until IS NULL AND state IN {one_of(DUE_STATES)}"
_POOL_IS_HERE = """
    ((%(pools)s::text[] IS NULL OR step_pool = ANY(%(pools)s::text[]))
     AND (%(guest_names)s::text[] IS NULL
          OR (workflow, version) IN (
              SELECT * FROM unnest(%(guest_names)s::text[], %(guest_versions)s::integer[]))))
"""


def _head(of_those: str) -> str:
    return f"""
        SELECT step_pool, priority, workflow, version, step_due_at FROM workflows_run
        WHERE {_WAITS} {of_those}
        ORDER BY step_pool DESC, priority DESC, workflow DESC, version DESC, step_due_at LIMIT 1
    """


_NEXT = """
    AND (step_pool, priority, workflow, version)
        < (head.step_pool, head.priority, head.workflow, head.version)
"""
EVERY_HEAD = f"""
    every_guest AS (
        ({_head("")})
        UNION ALL
        SELECT next.* FROM every_guest AS head, LATERAL ({_head(_NEXT)}) AS next)
"""
"""A recursive CTE: of each pool, priority and workflow the guest that is due first, or will be."""
HEADS = f"""
    {EVERY_HEAD},
    guests AS (SELECT * FROM every_guest WHERE {_POOL_IS_HERE})
"""
"""CTEs: of these, the ones that are driven here. Parameters: pools, guest_names, guest_versions."""
IS_DUE = f"{_WAITS} AND step_due_at <= {STATEMENT_TIME}"
IS_DUE_HERE = f"({IS_DUE} AND {_POOL_IS_HERE})"


class Guests(NamedTuple):
    """Which guests a process drives: those who come for these pools, of the workflows that it has code for
    (names and versions, pairwise)."""

    pools: list[str]
    names: list[str]
    versions: list[int]


def behind(head: str) -> str:
    """Return the condition for all guests behind a head that has a step_pool."""
    return f"run.step_pool = {head}.step_pool AND {head}.step_pool <> ''"


def free(behind_head: str, locked: str) -> str:
    """Return the query for the guest behind `head` that has been due longest. Its arguments: as in the queue."""
    return f"""
        SELECT id, step_due_at AS wake_at, run.step_pool FROM workflows_run AS run
        WHERE {behind("head")} AND {behind_head} AND {IS_DUE}
        ORDER BY step_due_at {locked}
    """


def sought(guests: Guests | None) -> dict[str, Any]:
    """Return the parameters that say which guests are driven here; None: all."""
    if guests is None:
        return {"pools": None, "guest_names": None, "guest_versions": None}
    return {
        "pools": guests.pools,
        "guest_names": guests.names,
        "guest_versions": guests.versions,
    }
