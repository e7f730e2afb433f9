"""Delete runs that have ended: whole families (parents with their children) and whole chains at once.

`begin_batch` and what follows it belong in one transaction: killed in between, nothing is gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.retention import ANY_OTHER, Rule
from workflows.core.states import FINAL_STATES
from workflows.store.database import Connection, query
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of

# The condition of run_ended_idx. The newest run of a chain stands for all of it.
_ENDED = f"state IN {one_of(FINAL_STATES)} AND parent_id IS NULL AND continued_as IS NULL"
_NEXT_NAME = f"SELECT workflow FROM workflows_run WHERE {_ENDED}"
# From one name to the next by the index, however many runs each has.
NAMES_OF_ENDED = f"""
    WITH RECURSIVE name AS (
        ({_NEXT_NAME} ORDER BY workflow LIMIT 1)
        UNION ALL
        SELECT ({_NEXT_NAME} AND workflow > name.workflow ORDER BY workflow LIMIT 1)
        FROM name WHERE workflow IS NOT NULL)
"""
"""A CTE: workflows of which runs have ended; one row has none."""
_NAMES = Statement(f"{NAMES_OF_ENDED} SELECT workflow FROM name WHERE workflow IS NOT NULL")
_OLD = f"""
    {_ENDED} AND workflow = %(workflow)s AND state = %(state)s
    AND finished_at < {STATEMENT_TIME} - %(seconds)s * interval '1 second'
"""
_COUNT = Statement(f"SELECT count(*) FROM workflows_run WHERE {_OLD}")
_TOPS = Statement(
    f"""
    SELECT id, finished_at FROM workflows_run
    WHERE {_OLD} AND (finished_at, id) > (%(since)s::timestamptz, %(after)s::uuid)
    ORDER BY finished_at, id LIMIT %(limit)s
    """
)
_RULE = f"""
    SELECT rule.seconds, true FROM unnest(%(workflows)s::text[], %(states)s::text[], %(spans)s::bigint[])
                             AS rule (workflow, state, seconds)
    WHERE rule.state = locked.state AND rule.workflow IN (locked.workflow, '{ANY_OTHER}')
    ORDER BY rule.workflow = '{ANY_OTHER}' LIMIT 1
"""
# A family goes when all of it may: each run by its own rule, but for those that went on as others,
# which stand and fall with the newest; children of which nothing is said go along. Nobody is waited for: a family of which somebody holds a run
# (to undo it, to write a line) is left for another time.
_TAKE = Statement(
    f"""
    WITH RECURSIVE top AS (
        SELECT id, coalesce(chain_id, id) AS chain FROM workflows_run WHERE id = ANY(%(tops)s)),
    family (id, top) AS (
        (SELECT run.id, top.id FROM top JOIN workflows_run AS run ON run.id = top.chain
         UNION ALL
         SELECT run.id, top.id FROM top JOIN workflows_run AS run ON run.chain_id = top.chain)
        UNION ALL
        SELECT child.id, family.top
        FROM workflows_run AS child JOIN family ON child.parent_id = family.id),
    locked AS MATERIALIZED (
        SELECT run.id, workflow, state, finished_at, continued_as FROM workflows_run AS run
        WHERE id IN (SELECT id FROM family)
        FOR UPDATE OF run SKIP LOCKED),
    may_go AS (
        SELECT id, state IN {one_of(FINAL_STATES)}
                   AND (continued_as IS NOT NULL OR said IS NULL
                        OR finished_at < {STATEMENT_TIME} - seconds * interval '1 second') AS now
        FROM locked LEFT JOIN LATERAL ({_RULE}) AS rule (seconds, said) ON true),
    whole AS (
        SELECT top FROM family LEFT JOIN may_go ON may_go.id = family.id
        GROUP BY top HAVING bool_and(coalesce(may_go.now, false)))
    SELECT family.id FROM family JOIN whole ON whole.top = family.top
    ORDER BY family.top, family.id
    """
)
_KEEP_KEYS = Statement(
    f"""
    INSERT INTO workflows_prunedkey (workflow, key, run_id, state, pruned_at)
    SELECT workflow, key, id, state, {NOW} FROM workflows_run
    WHERE id = ANY(%(runs)s) AND key IS NOT NULL
    ON CONFLICT (workflow, key) DO UPDATE
    SET run_id = excluded.run_id, state = excluded.state, pruned_at = excluded.pruned_at
    """
)
_ALLOW = Statement("SELECT set_config('workflows.pruning', %(allowed)s, true)")
_DELETE = Statement(
    """
    WITH lines AS (DELETE FROM workflows_history WHERE run_id = ANY(%(runs)s)),
    events AS (DELETE FROM workflows_event WHERE run_id = ANY(%(runs)s))
    DELETE FROM workflows_run WHERE id = ANY(%(runs)s)
    """
)
_FORGET = Statement(
    f"""
    WITH old AS (
        SELECT id FROM workflows_prunedkey
        WHERE pruned_at < {STATEMENT_TIME} - %(seconds)s * interval '1 second'
        ORDER BY pruned_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM workflows_prunedkey AS key USING old WHERE key.id = old.id RETURNING 1)
    SELECT count(*) FROM gone
    """
)


class Top(NamedTuple):
    """A run that stands for its family: nobody's child, and the newest of its chain."""

    id: UUID
    finished_at: datetime


def list_ended_workflows(on: Connection | None = None) -> list[str]:
    """Return the names of workflows of which runs have ended."""
    return [name for [name] in query(_NAMES, on=on)]


def count_old(rule: Rule, on: Connection | None = None) -> int:
    """Return of how many families the newest run may go by a rule that names its workflow."""
    [[count]] = query(_COUNT, rule._asdict(), on=on)
    return int(count)


def list_old(
    rule: Rule, *, after: Top | None, limit: int, on: Connection | None = None
) -> list[Top]:
    """Return the next of those, the one that ended first before the others."""
    since, last = ("-infinity", UUID(int=0)) if after is None else (after.finished_at, after.id)
    params = {**rule._asdict(), "since": since, "after": last, "limit": limit}
    return [Top(*row) for row in query(_TOPS, params, on=on)]


def begin_batch(
    tops: Sequence[Top], rules: Sequence[Rule], on: Connection | None = None
) -> list[UUID]:
    """Lock the families of these runs, and return the runs of those that may go as a whole."""
    params: dict[str, Any] = {
        "tops": [top.id for top in tops],
        "workflows": [rule.workflow for rule in rules],
        "states": [rule.state for rule in rules],
        "spans": [rule.seconds for rule in rules],
    }
    return [run_id for [run_id] in query(_TAKE, params, on=on)]


def delete_runs(runs: Sequence[UUID], on: Connection | None = None) -> None:
    """Delete these runs with their histories and events, and keep their keys."""
    params = {"runs": list(runs)}
    query(_KEEP_KEYS, params, on=on)
    query(_ALLOW, {"allowed": "on"}, on=on)
    query(_DELETE, params, on=on)
    query(_ALLOW, {"allowed": ""}, on=on)


def forget_keys(*, older_than_seconds: int, limit: int, on: Connection | None = None) -> int:
    """Delete keys of runs that were pruned longer ago, some of them at a time. Returns how many."""
    [[count]] = query(_FORGET, {"seconds": older_than_seconds, "limit": limit}, on=on)
    return int(count)
