"""Updates: events that are answered. The answer stands on the event, where its caller looks for it."""

from typing import NamedTuple
from uuid import UUID

from workflows.core.codec import loads
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.statement import Statement

REFUSED = "refused"
"""The field of an answer that says why an update was refused."""
_ANSWER = Fenced(
    f"""told AS (
        UPDATE workflows_event AS event SET answer = %(data)s::jsonb
        FROM fence
        WHERE event.id = %(event)s AND event.run_id = fence.id),
    {recorded("fence")}"""
)
_REFUSE = Fenced(
    f"""refused AS (
        UPDATE workflows_event AS event
        SET position = 0, answer = jsonb_build_object('{REFUSED}', %(why)s::text)
        FROM fence
        WHERE event.id = %(event)s AND event.run_id = fence.id AND event.position IS NULL
        RETURNING event.id)
    SELECT id FROM refused"""
)
_ASKED = Statement(
    """
    SELECT run.id, run.state, event.answer::text
    FROM workflows_event AS event JOIN workflows_run AS run ON run.id = event.run_id
    WHERE event.id = %s
    """
)


class Asked(NamedTuple):
    """An update as its caller sees it."""

    run_id: UUID
    """Of the run that has it; it goes along with continue_as_new."""
    state: RunState
    answer: dict[str, object] | None


def answer(run: ClaimedRun, event: int, fact: Fact, *, notes: Notes = UNCHANGED) -> Written | None:
    """Record an answer and tell it, in one statement. None: the lease is lost."""
    params = fact_params(run, fact) | {"event": event}
    return written(_ANSWER.send(run, params, notes=notes), fact)


def refuse(run: ClaimedRun, event: int, why: str) -> bool:
    """Take a refused update out of the inbox and tell why; the run records nothing. False: the lease is
    lost."""
    return _REFUSE.send(run, {"event": event, "why": why}) is not None


def find_asked(event: int) -> Asked | None:
    """Return what has become of an update. None: it was pruned with its run."""
    row = query_one(_ASKED, [event])
    if row is None:
        return None
    run_id, state, told = row
    return Asked(run_id, RunState(state), None if told is None else loads(told))
