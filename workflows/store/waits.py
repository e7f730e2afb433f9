"""Waiting: park a run, and look ahead to what is due."""

from typing import NamedTuple

from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one

# "until" is computed here, by the database's clock, and recorded with the line that starts the
# wait. The bell rings only for what falls due before the next poll.
_PARK = f"""
    WITH parked AS (
        UPDATE workflows_run
        SET state = '{RunState.WAITING}', worker_id = NULL, lease_until = NULL,
            wake_at = coalesce(%s::timestamptz,
                               clock_timestamp() + %s::float8 * interval '1 second'),
            waiting_for = %s
        WHERE id = %s AND attempt = %s AND state = '{RunState.RUNNING}'
          AND (%s::integer IS NULL OR events = %s::integer)
        RETURNING id, wake_at)
"""
_RING = f"""
    SELECT wake_at,
           CASE WHEN wake_at < clock_timestamp() + interval '1 second'
                THEN pg_notify('{CHANNEL}', '') END
    FROM parked
"""
_PARK_AGAIN = _PARK + _RING
_PARK_AND_RECORD = (
    _PARK
    + """, fact AS (
        INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt)
        SELECT id, %s, %s, %s, %s, %s::jsonb || jsonb_build_object(%s::text, wake_at), %s
        FROM parked)
    """
    + _RING
)
LOOK_AHEAD = f"""
    SELECT (SELECT count(*) FROM (
                SELECT FROM workflows_run
                WHERE state IN ('{RunState.PENDING}', '{RunState.WAITING}')
                  AND wake_at <= statement_timestamp() LIMIT %s) AS due),
           (SELECT extract(epoch FROM min(wake_at) - clock_timestamp())::float8
            FROM workflows_run
            WHERE state IN ('{RunState.PENDING}', '{RunState.WAITING}'))
"""


class Due(NamedTuple):
    """What the queue holds."""

    runs: int
    """Runs due now, counted up to the limit asked for."""
    next_seconds: float | None
    """Until the earliest is due (negative: it is); None when none ever is."""


def park_run(run: ClaimedRun, park: Park, *, if_events: int | None = None) -> bool:
    """Park the run and record why, in one statement. Ends the lease.

    if_events: only if the event counter is still this, so that no event slips between the look
    and the park. False: nothing was written.
    """
    params = [
        park.until,
        park.seconds,
        list(park.waiting_for),
        run.id,
        run.attempt,
        if_events,
        if_events,
    ]
    if park.fact is None:
        return query_one(_PARK_AGAIN, params) is not None
    return query_one(_PARK_AND_RECORD, params + _line(run, park.fact)) is not None


def _line(run: ClaimedRun, fact: Fact) -> list[object]:
    name_of_time = "retry_at" if fact.kind == "attempt_failed" else "until"
    line = [fact.position, fact.part, fact.kind, fact.name, fact.data]
    return [*line, name_of_time, run.attempt]
