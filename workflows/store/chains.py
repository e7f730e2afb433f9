"""Chains: the runs that go on as one another by continue_as_new, found by the id of the first."""

from uuid import UUID

from workflows.store.database import query_one
from workflows.store.statement import Statement

# Every run of a chain but the first names the first, and only the newest goes on as no other. So
# neither the length of the chain nor a run that is lost between the two matters.
_NEWEST = Statement(
    """
    WITH chain AS (
        SELECT coalesce((SELECT chain_id FROM workflows_run WHERE id = %(run)s), %(run)s) AS id)
    SELECT run.id FROM workflows_run AS run JOIN chain ON run.chain_id = chain.id
    WHERE run.continued_as IS NULL
    """
)
_ARE_ONE = Statement(
    """
    SELECT count(DISTINCT coalesce(chain_id, id)) = 1 FROM workflows_run WHERE id IN (%(run)s, %(other)s)
    """
)


def newest_of(run_id: UUID) -> UUID:
    """Return the run that a chain has come to, by the id of any of its runs; by that of its first also
    where that is gone. A run that has not been continued is its own newest."""
    row = query_one(_NEWEST, {"run": run_id})
    return run_id if row is None else UUID(str(row[0]))


def are_one(run_id: UUID, other: UUID) -> bool:
    """Say whether two runs are the same, or belong to one chain."""
    row = query_one(_ARE_ONE, {"run": run_id, "other": other})
    return row is not None and bool(row[0])
