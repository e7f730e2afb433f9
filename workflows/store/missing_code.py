"""Runs that nobody drives because no living worker has their code, or serves the pool of their next step.

A worker says at its birth what it has code for, in its row, and its advisory lock says that it lives.
Where none lives, or one of an older release that does not say what it has, nothing is claimed.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from workflows.core.states import DUE_STATES
from workflows.store import guests
from workflows.store.database import Connection, query
from workflows.store.due import BEHIND_HEAD
from workflows.store.schema import LIVING
from workflows.store.statement import STATEMENT_TIME, Statement, one_of

OVERDUE_SECONDS = 2
"""Workers that are being started again are back by then."""
LOOK_AT_MOST = 10_000
"""Overdue runs, the oldest: a heap of old ones must not hold up the pusher."""

# Neither half names a run, so PostgreSQL asks each once a statement, however many rows there are.
_ALL_TELL = f"(SELECT bool_and(workflows IS NOT NULL) FROM workflows_worker WHERE id IN ({LIVING}))"
_KNOWN = f"""
    SELECT known.workflow, known.version
    FROM workflows_worker AS worker,
         unnest(worker.workflows, worker.versions) AS known (workflow, version)
    WHERE worker.id IN ({LIVING})
"""
_UNKNOWN = f"""
    coalesce({_ALL_TELL} AND (workflows_run.workflow, workflows_run.version) NOT IN ({_KNOWN}), false)
"""
# A worker that says nothing of pools runs the steps of none but its workflows' own.
_SERVED = f"""
    SELECT served.pool, known.workflow, known.version
    FROM workflows_worker AS worker, unnest(worker.pools) AS served (pool),
         unnest(worker.workflows || worker.other_workflows, worker.versions || worker.other_versions)
             AS known (workflow, version)
    WHERE worker.id IN ({LIVING})
"""
_UNSERVED = f"""
    (EXISTS ({LIVING})
     AND (workflows_run.step_pool, workflows_run.workflow, workflows_run.version) NOT IN ({_SERVED}))
"""
NOBODY_HAS_ITS_CODE = f"""
    (workflows_run.state IN {one_of(DUE_STATES)}
     AND CASE workflows_run.step_pool WHEN '' THEN {_UNKNOWN} ELSE {_UNSERVED} END)
"""
"""Whether a run of workflows_run waits for code that no living worker has, or for the pool of a step that none
serves, as SQL."""
_OVERDUE = f"{STATEMENT_TIME} - interval '{OVERDUE_SECONDS} seconds'"
# Of the guests, those that nobody serves are counted: one look for each pool and workflow, and of each so many.
_MISSING = Statement(
    f"""
    WITH RECURSIVE {guests.EVERY_HEAD},
    unserved AS (
        SELECT workflows_run.* FROM every_guest AS workflows_run
        WHERE step_due_at <= {_OVERDUE} AND {_UNSERVED})
    SELECT workflow, version, count(*), (array_agg(id ORDER BY due_at))[1], min(due_at), step_pool
    FROM (SELECT id, workflow, version, wake_at AS due_at, '' AS step_pool
          FROM (SELECT id, workflow, version, wake_at FROM workflows_run
                WHERE state IN {one_of(DUE_STATES)} AND wake_at <= {_OVERDUE}
                ORDER BY wake_at LIMIT {LOOK_AT_MOST}) AS workflows_run
          WHERE {_UNKNOWN}
          UNION ALL
          SELECT guest.id, head.workflow, head.version, guest.step_due_at, head.step_pool
          FROM unserved AS head, LATERAL (
              SELECT id, step_due_at FROM workflows_run AS run
              WHERE {guests.behind("head")} AND {BEHIND_HEAD}
                AND {guests.IS_DUE} AND step_due_at <= {_OVERDUE}
              ORDER BY step_due_at LIMIT {LOOK_AT_MOST}) AS guest) AS missing
    GROUP BY workflow, version, step_pool ORDER BY min(due_at)
    """
)


class MissingCode(NamedTuple):
    """A workflow and version of due runs for which no living worker has code and serves the pool."""

    workflow: str
    version: int
    runs: int
    """How many are due, of the 10,000 runs that have been due longest."""
    run_id: UUID
    """The one that has been due longest."""
    since: datetime
    """When it was due."""
    step_pool: str = ""
    """The runs wait for this pool, since their next step is of it, and no living worker serves it with their
    code."""


def list_missing_code(own: Connection | None = None) -> list[MissingCode]:
    """Return of which workflows due runs lack code, the longest due first. Empty where no worker lives at all.

    own: a connection of the engine's; None: Django's.
    """
    return [MissingCode(*row) for row in query(_MISSING, on=own)]
