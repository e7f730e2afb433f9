"""The sessions of lost workers: a transaction that one of them has left open keeps its locks, and whoever
takes the run over would wait behind it.

They are found by the name that store/sessions.py has given them.
"""

from collections.abc import Collection

from workflows.core.states import HELD_STATES
from workflows.store.database import Connection, query
from workflows.store.schema import LIVING
from workflows.store.statement import STATEMENT_TIME, Statement, one_of

_END = Statement(
    f"""
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = ANY(%(names)s) AND datname = current_database()
      AND application_name NOT IN (
          SELECT session_name FROM workflows_worker WHERE id IN ({LIVING}))
    """
)
# Either its run was taken, and it holds no other whose lease runs: a worker that was slow only has
# gone on. Or its run cannot be taken, since the worker's own transaction locks the row; that of
# somebody else may do so as well, and then nobody is to blame.
_END_OF_LOST = Statement(
    f"""
    WITH lost AS (
        SELECT worker.session_name, NULL AS locked_by FROM workflows_worker AS worker
        WHERE worker.id = ANY(%(lost)s)
          AND NOT EXISTS (SELECT FROM workflows_run AS run
                          WHERE run.worker_id = worker.id AND run.state IN {one_of(HELD_STATES)}
                            AND run.lease_until >= {STATEMENT_TIME})
        UNION ALL
        SELECT worker.session_name, run.xmax::text
        FROM workflows_run AS run JOIN workflows_worker AS worker ON worker.id = run.worker_id
        WHERE run.state IN {one_of(HELD_STATES)} AND run.lease_until < {STATEMENT_TIME})
    SELECT pid, pg_terminate_backend(pid)
    FROM lost JOIN pg_stat_activity AS session ON session.application_name = lost.session_name
    WHERE lost.session_name <> '' AND session.datname = current_database()
      AND (lost.locked_by IS NULL OR lost.locked_by = session.backend_xid::text)
    """
)


def end_sessions_of_lost(own: Connection, lost: Collection[int]) -> int:
    """End the sessions of workers from which runs were just taken, and those by which a silent worker
    keeps others from taking its run. Returns how many.

    Whoever takes a run over would wait behind them for the locks of its last step. Raises
    psycopg.errors.InsufficientPrivilege.
    """
    return len(query(_END_OF_LOST, {"lost": list(lost)}, on=own))


def end_sessions_named(own: Connection, names: Collection[str]) -> int:
    """End the sessions of these names that no living worker has. Returns how many. Raises as above."""
    known = set(names) - {""}
    return len(query(_END, {"names": list(known)}, on=own)) if known else 0
