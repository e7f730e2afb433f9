"""What else is known of where a run stands: who holds it, who lives, its open children, unread events."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from workflows.core.lines import CHILD_EVENT
from workflows.core.states import FINAL_STATES, HELD_STATES
from workflows.core.why_facts import Child, Driver
from workflows.store.database import query_one
from workflows.store.schema import LIVING
from workflows.store.statement import NOW, Statement, one_of

MOST_TOLD = 100
"""Children, and events."""

_LOAD = Statement(
    f"""
    SELECT {NOW}, run.state IN {one_of(HELD_STATES)} AND run.lease_until IS NOT NULL, run.lease_until,
           worker.host, worker.pid, worker.id IN ({LIVING}),
           (SELECT count(*) FROM ({LIVING}) AS living),
           ARRAY(SELECT ARRAY[child.id::text, child.workflow, child.state]
                 FROM workflows_run AS child
                 WHERE child.parent_id = run.id AND child.state NOT IN {one_of(FINAL_STATES)}
                   AND '{CHILD_EVENT}' || coalesce(child.chain_id, child.id) = ANY(run.waiting_for)
                 ORDER BY child.created_at LIMIT {MOST_TOLD}),
           ARRAY(SELECT event.name FROM workflows_event AS event
                 WHERE event.run_id = run.id AND event.position IS NULL
                 ORDER BY event.id LIMIT {MOST_TOLD})
    FROM workflows_run AS run LEFT JOIN workflows_worker AS worker ON worker.id = run.worker_id
    WHERE run.id = %s
    """
)


class Standing(NamedTuple):
    """Where a run stands, at one moment. The fields are those of core/why_facts.py."""

    now: datetime
    held: bool
    lease_until: datetime | None
    driver: Driver | None
    living: int
    children: tuple[Child, ...]
    unread: tuple[str, ...]


def load_standing(run_id: UUID) -> Standing | None:
    """Return where a run stands; None: there is none."""
    row = query_one(_LOAD, [run_id])
    if row is None:
        return None
    now, held, lease_until, host, pid, lives, living, children, unread = row
    return Standing(
        now=now,
        held=held,
        lease_until=lease_until,
        driver=None if pid is None else Driver(host, pid, bool(lives)),
        living=living,
        children=tuple(Child(*each) for each in children),
        unread=tuple(name for name in unread if not name.startswith(CHILD_EVENT)),
    )
