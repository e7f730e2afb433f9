"""Many runs of one workflow, created by one statement."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.run import NewRun
from workflows.core.signature import Input
from workflows.store import insert
from workflows.store.database import query
from workflows.store.schema import RING, SOON
from workflows.store.sealing import opened_input, sealed_input, sealed_text
from workflows.store.statement import Statement

# As in store/runs.py, a trigger looks again for the keys of runs that were pruned.
_EACH = """
    unnest(%(ids)s::uuid[], %(keys)s::text[], %(inputs)s::text[], %(all_defaults)s::text[], %(carried)s::text[])
    WITH ORDINALITY AS each (id, key, input, defaults, baggage, number)
    WHERE NOT EXISTS (SELECT FROM workflows_prunedkey AS gone
                      WHERE gone.workflow = %(workflow)s AND gone.key = each.key)
    ORDER BY each.number
"""
_CREATED = f"""
    WITH created AS (
        {
    insert.run(
        _EACH,
        id="each.id",
        key="each.key",
        input="each.input::jsonb",
        defaults="each.defaults::jsonb",
        baggage="each.baggage::jsonb",
    )
}
        ON CONFLICT (workflow, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING id, attempt, data, attributes, wake_at),
    rung AS MATERIALIZED (SELECT {RING} FROM (SELECT FROM created WHERE {SOON} LIMIT 1) AS due)
"""
_TELL = "SELECT id FROM created LEFT JOIN rung ON true"
_CREATE = Statement(f"{_CREATED} {_TELL}")
_BEGUN = sql_data(HistoryKind.CONTINUED, data="data", attributes="attributes")
_CREATE_WITH_ATTRIBUTES = Statement(
    f"{_CREATED}, begun AS ({insert.line('created', HistoryKind.CONTINUED, _BEGUN)}) {_TELL}"
)
_BY_KEYS = Statement(
    """
    SELECT key, id, coalesce(chain_id, id), input::text, defaults::text FROM workflows_run
    WHERE workflow = %s AND key = ANY(%s)
    """
)


def create_runs(runs: Sequence[NewRun]) -> set[UUID]:
    """Insert runs that differ in id, key and input only, and return the ids of those that were; the keys
    of the others are taken, by runs or by such that were pruned."""
    first, inputs = runs[0], [sealed_input(run.id, run.input) for run in runs]
    params: dict[str, Any] = insert.new_run_params(first) | {
        "ids": [run.id for run in runs],
        "keys": [run.key for run in runs],
        "inputs": [each.given for each in inputs],
        "all_defaults": [each.defaults for each in inputs],
        "carried": [sealed_text(run.id, "baggage", run.baggage) for run in runs],
    }
    statement = _CREATE if first.attributes == "{}" else _CREATE_WITH_ATTRIBUTES
    return {run_id for [run_id] in query(statement, params)}


def find_by_keys(workflow: str, keys: Sequence[str]) -> dict[str, tuple[UUID, Input]]:
    """Return id and input of the runs that have these keys, by key. Raises PayloadUnreadable."""
    rows = query(_BY_KEYS, [workflow, list(keys)])
    return {key: (run_id, opened_input(*texts)) for key, run_id, *texts in rows}
