"""Runs that nobody drives because no living worker has their code.

A worker says at its birth what it has code for, in its row, and its advisory lock says that it lives.
Where none lives, or one of an older release that does not say what it has, nothing is claimed.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from workflows.core.states import DUE_STATES
from workflows.store.database import Connection, query
from workflows.store.statement import STATEMENT_TIME, Statement, one_of
from workflows.store.workers import LIVING

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
NOBODY_HAS_ITS_CODE = f"(workflows_run.state IN {one_of(DUE_STATES)} AND {_UNKNOWN})"
"""Whether a run of workflows_run waits for code that no living worker has, as SQL."""
_MISSING = Statement(
    f"""
    SELECT workflow, version, count(*), (array_agg(id ORDER BY wake_at))[1], min(wake_at)
    FROM (SELECT id, workflow, version, wake_at FROM workflows_run
          WHERE state IN {one_of(DUE_STATES)}
            AND wake_at <= {STATEMENT_TIME} - interval '{OVERDUE_SECONDS} seconds'
          ORDER BY wake_at LIMIT {LOOK_AT_MOST}) AS workflows_run
    WHERE {_UNKNOWN}
    GROUP BY workflow, version ORDER BY min(wake_at)
    """
)


class MissingCode(NamedTuple):
    """A workflow and version of due runs for which no living worker has code."""

    workflow: str
    version: int
    runs: int
    """How many are due, of the 10,000 runs that have been due longest."""
    run_id: UUID
    """The one that has been due longest."""
    since: datetime
    """When it was due."""


def list_missing_code(own: Connection | None = None) -> list[MissingCode]:
    """Return of which workflows due runs lack code, the longest due first. Empty where no worker lives at all.

    own: a connection of the engine's; None: Django's.
    """
    return [MissingCode(*row) for row in query(_MISSING, on=own)]
