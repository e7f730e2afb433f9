"""Updates: events that are answered. The answer stands on the event, where its caller looks for it."""

from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import dumps, loads
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.store.database import query_one
from workflows.store.fence import UNCHANGED, Fenced, Notes
from workflows.store.history import Written, fact_params, recorded, written
from workflows.store.sealing import Opener, Sealer, place_of_line, sealed_text
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
        SET position = 0, answer = jsonb_build_object('{REFUSED}', %(why)s::jsonb)
        FROM fence
        WHERE event.id = %(event)s AND event.run_id = fence.id AND event.position IS NULL
        RETURNING event.id)
    SELECT id FROM refused"""
)
_ASKED = Statement(
    """
    SELECT run.id, run.state, event.answer::text, coalesce(run.chain_id, run.id), event.position
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
    return written(_ANSWER.send(run, params, notes=notes), run, fact)


def refuse(run: ClaimedRun, event: int, why: str) -> bool:
    """Take a refused update out of the inbox and tell why; the run records nothing. False: the lease is
    lost."""
    told = sealed_text(run.chain_root, REFUSED, dumps(why), place_of_answer(event))
    return _REFUSE.send(run, {"event": event, "why": told}) is not None


def find_asked(event: int) -> Asked | None:
    """Return what has become of an update. None: it was pruned with its run. Raises PayloadUnreadable."""
    row = query_one(_ASKED, [event])
    if row is None:
        return None
    run_id, state, told, root, position = row
    if told is None:
        return Asked(run_id, RunState(state), None)
    opener = Opener(root)
    answer = opened_answer(loads(told), event, position, opener)
    opener.strict()
    return Asked(run_id, RunState(state), answer)


def opened_answer(told: Any, event: int, position: int, opener: Opener) -> Any:
    """Return an answer, opened: the data of the line that records it, or why the update was refused."""
    if REFUSED in told:
        return {REFUSED: opener.value(told[REFUSED], REFUSED, place_of_answer(event))}
    return opener.line(HistoryKind.UPDATE_ANSWERED, "", place_of_line(position, 0), told)


def sealed_answer(answer: Any, event: int, position: int, sealing: Sealer) -> dict[str, Any]:
    """Return an answer, sealed as it is when it is written."""
    if REFUSED in answer:
        return {REFUSED: sealing.value(answer[REFUSED], REFUSED, place_of_answer(event))}
    return sealing.line(HistoryKind.UPDATE_ANSWERED, "", place_of_line(position, 0), answer)


def place_of_answer(event: int) -> str:
    """Return the place of the words with which an update was refused."""
    return f"answer.{event}"
