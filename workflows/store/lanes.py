"""Lanes: the due runs of each tenant, from which the queue takes one of each in turn.

A lane holds what is pending, and what waited and was woken. Runs that sleep stand in none, since a turn
would have to pass them one by one: `wake` puts those in their lanes whose time has come.
"""

from workflows.core.states import DUE_STATES, RunState
from workflows.store.database import query
from workflows.store.statement import STATEMENT_TIME, Statement, one_of

MOST_PASSED = 20
"""Tenants that a turn passes, because others hold their runs, nothing of theirs is due, or their code is
not here; behind that, time decides."""
MOST_WOKEN = 500
"""At a time."""

_IN_LANE = f"""
    NOT tenant = '' AND wake_at IS NOT NULL AND (state = '{RunState.PENDING}' OR woken)
    AND state NOT IN {one_of(set(RunState) - DUE_STATES)}
"""
_ASLEEP = f"NOT tenant = '' AND NOT woken AND state IN {one_of(DUE_STATES - {RunState.PENDING})}"
_WAKE = Statement(
    f"""
    UPDATE workflows_run SET woken = true
    WHERE id IN (SELECT id FROM workflows_run
                 WHERE {_ASLEEP} AND wake_at <= {STATEMENT_TIME}
                 ORDER BY wake_at LIMIT {MOST_WOKEN} FOR NO KEY UPDATE SKIP LOCKED)
    """
)


def wake() -> None:
    """Put the runs whose wait is over in the lanes of their tenants."""
    query(_WAKE)


def _next(after: str) -> str:
    """Return the query for the tenant behind another, all the way round; after: SQL."""
    of_all = f"SELECT run.tenant FROM workflows_run AS run WHERE {_IN_LANE} AND priority = highest.priority"
    first = "ORDER BY run.priority DESC, run.tenant DESC LIMIT 1"
    return f"""
        SELECT * FROM (({of_all} AND run.tenant < {after} {first})
                       UNION ALL ({of_all} {first})) AS either LIMIT 1
    """


def tenants(highest: str) -> str:
    """Return a recursive CTE, the tenants in their turns. highest: a CTE with the priority to look at.

    Parameter: after, the tenant who was served last.
    """
    return f"""
        tenants (tenant, first, passed) AS (
            SELECT next.tenant, next.tenant, 1
            FROM {highest} AS highest, LATERAL ({_next("%(after)s::text")}) AS next
            UNION ALL
            SELECT next.tenant, before.first, before.passed + 1
            FROM tenants AS before, {highest} AS highest, LATERAL ({_next("before.tenant")}) AS next
            WHERE next.tenant <> before.first AND before.passed < {MOST_PASSED})
    """


def first_free(code_is_here: str, locked: str) -> str:
    """Return the query for the run of the first of the CTE tenants who has one that is free: of his,
    what has been due longest. code_is_here, locked: as in the queue."""
    mine = f"{_IN_LANE} AND priority = highest.priority AND tenant = turn.tenant"
    head = f"""
        SELECT workflow, version, wake_at FROM workflows_run
        WHERE {mine} %s ORDER BY priority DESC, tenant DESC, workflow DESC, version DESC, wake_at
        LIMIT 1
    """
    past = "AND (workflow, version) < (last.workflow, last.version)"
    return f"""
        SELECT free.id, free.wake_at
        FROM tenants AS turn, highest, LATERAL (
            WITH RECURSIVE every_lane AS (
                ({head.replace("%s", "")})
                UNION ALL
                SELECT next.* FROM every_lane AS last, LATERAL ({head.replace("%s", past)}) AS next)
            SELECT run.id, run.wake_at
            FROM (SELECT * FROM every_lane WHERE {code_is_here} AND wake_at <= {STATEMENT_TIME}
                  ORDER BY wake_at) AS lane,
                 LATERAL (SELECT id, wake_at FROM workflows_run AS run
                          WHERE {mine} AND workflow = lane.workflow AND version = lane.version
                            AND wake_at <= {STATEMENT_TIME}
                          ORDER BY run.wake_at {locked}) AS run
            LIMIT 1) AS free
        LIMIT 1
    """
