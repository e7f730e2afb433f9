"""Children: start one for a position of its parent, in one statement with the parent's record."""

from workflows.core.run import ClaimedRun, Fact, NewRun
from workflows.core.states import RunState
from workflows.store import insert
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.schema import RING

_RUNNING_PARENT = f"fence WHERE fence.state = '{RunState.RUNNING}'"
# Only a running parent starts children: a cancel that has seen all of them misses none.
_START = Fenced(
    f"""born AS (
        {
        insert.run(
            _RUNNING_PARENT,
            parent_id="fence.id",
            parent_position="%(position)s",
            owner="coalesce(nullif(%(owner)s, ''), "
            "(SELECT owner FROM workflows_run AS parent WHERE parent.id = fence.id))",
        )
    }
        RETURNING parent_id, {RING}),
    {recorded("born", run_id="parent_id")}"""
)


def start_child(
    run: ClaimedRun, fact: Fact, child: NewRun, *, notes: Notes = UNCHANGED
) -> Written | None:
    """Create the child and record it at the parent's position. None: the lease is lost, or the
    parent is being cancelled."""
    assert fact.position is not None  # noqa: S101 - an operation of the code
    values = insert.new_run_params(child) | fact_params(run, fact)
    return written(_START.send(run, values, notes=notes), run, fact)
