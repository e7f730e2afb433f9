"""The newest lines of many runs at once: enough to tell where each of them is."""

from collections.abc import Collection
from uuid import UUID

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.store.database import query
from workflows.store.history import entry_of
from workflows.store.sealing import Opener
from workflows.store.statement import Statement, one_of

MOST_LINES = 60
"""Of one run."""
_LARGE = one_of([HistoryKind.STEP_COMPLETED, HistoryKind.EVENT_RECEIVED])

_COLUMNS = f"""
    id, position, part, kind, name, CASE WHEN kind IN {_LARGE} THEN '{{}}' ELSE data::text END AS data, at
"""
# Outputs and payloads stay where they are: nobody reads them in a list. Lines about a run have no position;
# of those, a retry says which positions count no more.
_LOAD = Statement(
    f"""
    SELECT run.id, coalesce(run.chain_id, run.id), line.* FROM workflows_run AS run, LATERAL (
        (SELECT {_COLUMNS} FROM workflows_history WHERE run_id = run.id AND position IS NOT NULL
         ORDER BY position DESC, part DESC LIMIT {MOST_LINES})
        UNION ALL
        (SELECT {_COLUMNS} FROM workflows_history WHERE run_id = run.id AND position IS NULL
             AND kind = '{HistoryKind.RETRIED}' LIMIT {MOST_LINES})) AS line
    WHERE run.id = ANY(%s)
    """
)


def load_recent_lines(
    run_ids: Collection[UUID], *, decrypt: bool = True
) -> dict[UUID, list[HistoryEntry]]:
    """Return the lines of each run's last operations, oldest first, without outputs and payloads. decrypt: as in
    store/views.py, get_run."""
    found: dict[UUID, list[HistoryEntry]] = {run_id: [] for run_id in run_ids}
    for run_id, root, *line in query(_LOAD, [list(run_ids)]):
        found[run_id].append(entry_of(*line, opener=Opener(root, decrypt=decrypt)))
    return {run_id: sorted(lines, key=lambda line: line.id) for run_id, lines in found.items()}
