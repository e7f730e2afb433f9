"""A run with all that came of it: its children, theirs, and the runs that they went on as."""

from typing import NamedTuple
from uuid import UUID

from workflows.core.states import DUE_STATES
from workflows.store.database import query
from workflows.store.statement import NOW, Statement, one_of


class Relative(NamedTuple):
    """A run of the family."""

    id: UUID
    due_in_seconds: float | None
    """Zero and less: now; None: it waits for no time."""


_FAMILY = Statement(
    f"""
    WITH RECURSIVE family AS (
        SELECT id, continued_as, state, wake_at FROM workflows_run WHERE id = %s
        UNION
        SELECT run.id, run.continued_as, run.state, run.wake_at FROM workflows_run AS run, family
        WHERE run.parent_id = family.id OR run.id = family.continued_as)
    SELECT id, CASE WHEN state IN {one_of(DUE_STATES)}
                    THEN extract(epoch FROM wake_at - {NOW})::float8 END
    FROM family ORDER BY id
    """
)


def run_family(run_id: UUID) -> list[Relative]:
    """Return a run and all that came of it, the run itself among them."""
    return [Relative(*row) for row in query(_FAMILY, [run_id])]
