"""Waiting: park a run, for time, an event or newer code."""

from typing import NamedTuple

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data, time_field
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.states import PARKABLE_STATES, RunState
from workflows.store.database import query_one
from workflows.store.fence import IF_EVENTS, KEEP_NOTES, UNCHANGED, Notes, held, holder
from workflows.store.history import fact_params
from workflows.store.insert import line, operation_line
from workflows.store.schema import RING, SOON
from workflows.store.sealing import sealed_fact
from workflows.store.statement import NOW, Statement


# The time is computed once, by the database's clock, and recorded with the line that starts the
# wait. A run's deadline wakes it sooner. The bell rings only for what falls due before the next
# poll.
def _park(times: str) -> str:
    return f"""
    WITH timing AS MATERIALIZED (
        SELECT coalesce(%(until)s::timestamptz,
                        {NOW} + %(seconds)s::float8 * interval '1 second') AS at),
    parked AS (
        UPDATE workflows_run AS run
        SET state = CASE run.state WHEN '{RunState.RUNNING}' THEN '{RunState.WAITING}'
                                   ELSE run.state END,
            worker_id = NULL, lease_until = NULL, waiting_for = %(waiting_for)s,
            {times}, {KEEP_NOTES}
        FROM timing
        WHERE {held(PARKABLE_STATES)} AND {IF_EVENTS}
        RETURNING run.id, least(run.wake_at, run.step_due_at) AS wake_at, timing.at)
"""


def _or_deadline(at: str) -> str:
    return f"""
        CASE WHEN run.state = '{RunState.RUNNING}' AND %(heeds_deadline)s
             THEN least({at}, run.deadline) ELSE {at} END
    """


_IN_ITS_OWN = _park(f"wake_at = {_or_deadline('timing.at')}")
_FOR_A_STEP = _park(
    f"""
    step_pool = %(step_pool)s, step_due_at = timing.at,
    wake_at = {_or_deadline("%(home_at)s::timestamptz")}
    """
)
_RING = f"""
    SELECT wake_at,
           CASE WHEN {SOON} THEN {RING} END
    FROM parked
"""
_WITH_TIME = "%(data)s::jsonb || jsonb_build_object(%(name_of_time)s::text, at)"


class _Park(NamedTuple):
    """The same wait, begun with a line of history or without."""

    again: Statement
    and_record: Statement


def _both(park: str) -> _Park:
    fact = operation_line("parked", data=_WITH_TIME)
    return _Park(Statement(f"{park} {_RING}"), Statement(f"{park}, fact AS ({fact}) {_RING}"))


_HERE, _ELSEWHERE = _both(_IN_ITS_OWN), _both(_FOR_A_STEP)
_UNTIL = "%(data)s::jsonb || " + sql_data(HistoryKind.CODE_AWAITED, until="wake_at")
# No event and no deadline wakes it: who is at it now could do nothing with either.
_AWAIT_CODE = Statement(
    f"""
    WITH given AS (
        UPDATE workflows_run
        SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                               ELSE '{RunState.WAITING}' END,
            wake_at = {NOW} + %(seconds)s::float8 * interval '1 second', waiting_for = '{{}}',
            worker_id = NULL, lease_until = NULL
        WHERE {held(PARKABLE_STATES)}
        RETURNING id, wake_at, attempt),
    fact AS ({line("given WHERE %(record)s", HistoryKind.CODE_AWAITED, _UNTIL, name="%(what)s")})
    SELECT id FROM given
    """
)


def park_run(
    run: ClaimedRun, park: Park, *, if_events: int | None = None, notes: Notes = UNCHANGED
) -> bool:
    """Park the run and record why, in one statement. Ends the lease.

    if_events: only if the event counter is still this, so that no event slips between the look
    and the park. False: nothing was written.
    """
    params = {
        **holder(run),
        "until": park.until,
        "seconds": park.seconds,
        "waiting_for": list(park.waiting_for),
        "heeds_deadline": park.heeds_deadline,
        "if_events": if_events,
        **notes.params(run),
    }
    statements = _HERE
    if park.step_pool:
        statements = _ELSEWHERE
        params |= {"step_pool": park.step_pool, "home_at": park.home_at}
    if park.fact is None:
        return query_one(statements.again, params) is not None
    params |= fact_params(run, park.fact)
    params["name_of_time"] = time_field(park.fact.kind)
    return query_one(statements.and_record, params) is not None


def await_code(run: ClaimedRun, fact: Fact, *, seconds: float, record: bool) -> bool:
    """Let the run wait so long for a worker with newer code; ends the lease.

    record: whether the line is written too. False: nothing was written.
    """
    data = sealed_fact(run.chain_root, fact)
    params = {"seconds": seconds, "what": fact.name, "data": data, "record": record}
    return query_one(_AWAIT_CODE, holder(run) | params) is not None
