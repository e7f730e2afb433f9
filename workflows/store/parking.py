"""Waiting: park a run, and look ahead to what is due."""

from typing import NamedTuple

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import UNCHANGED, Notes

# The time is computed once, by the database's clock, and recorded with the line that starts the
# wait. A run's deadline wakes it sooner. The bell rings only for what falls due before the next
# poll.
_PARK = f"""
    WITH timing AS MATERIALIZED (
        SELECT coalesce(%s::timestamptz,
                        clock_timestamp() + %s::float8 * interval '1 second') AS at),
    parked AS (
        UPDATE workflows_run AS run
        SET state = CASE run.state WHEN '{RunState.RUNNING}' THEN '{RunState.WAITING}'
                                   ELSE run.state END,
            worker_id = NULL, lease_until = NULL, waiting_for = %s,
            wake_at = CASE WHEN run.state = '{RunState.RUNNING}' AND %s
                           THEN least(timing.at, run.deadline) ELSE timing.at END,
            data = coalesce(%s::jsonb, run.data),
            attributes = coalesce(%s::jsonb, run.attributes)
        FROM timing
        WHERE run.id = %s AND run.attempt = %s
          AND run.state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
          AND (%s::integer IS NULL OR run.events = %s::integer)
        RETURNING run.id, run.wake_at, timing.at)
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
        SELECT id, %s, %s, %s, %s, %s::jsonb || jsonb_build_object(%s::text, at), %s
        FROM parked)
    """
    + _RING
)
# No event and no deadline wakes it: who is at it now could do nothing with either.
_AWAIT_CODE = f"""
    WITH given AS (
        UPDATE workflows_run
        SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                               ELSE '{RunState.WAITING}' END,
            wake_at = clock_timestamp() + %s::float8 * interval '1 second', waiting_for = '{{}}',
            worker_id = NULL, lease_until = NULL
        WHERE id = %s AND attempt = %s
          AND state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
        RETURNING id, wake_at),
    fact AS (
        INSERT INTO workflows_history (run_id, kind, name, data, attempt)
        SELECT id, '{HistoryKind.CODE_AWAITED}', %s,
               %s::jsonb || jsonb_build_object('until', wake_at), %s
        FROM given WHERE %s)
    SELECT id FROM given
"""
DUE = f"state IN ('{RunState.PENDING}', '{RunState.WAITING}', '{RunState.COMPENSATING}')"
"""With wake_at in the past, these are claimed. The literals must be the ones of run_due_idx."""
CODE_IS_HERE = """
    (%s::text[] IS NULL
     OR (workflow, version) IN (SELECT * FROM unnest(%s::text[], %s::integer[])))
"""
"""A worker takes only what it has code for. The first parameter repeats the second."""
LOOK_AHEAD = f"""
    SELECT (SELECT count(*) FROM (
                SELECT FROM workflows_run
                WHERE {DUE} AND wake_at <= statement_timestamp() AND {CODE_IS_HERE}
                LIMIT %s) AS due),
           (SELECT extract(epoch FROM min(wake_at) - clock_timestamp())::float8
            FROM workflows_run WHERE {DUE} AND {CODE_IS_HERE})
"""
_NAME_OF_TIME = {
    HistoryKind.ATTEMPT_FAILED: "retry_at",
    HistoryKind.COMPENSATION_ATTEMPT_FAILED: "retry_at",
}


class Due(NamedTuple):
    """What the queue holds."""

    runs: int
    """Runs due now, counted up to the limit asked for."""
    next_seconds: float | None
    """Until the earliest is due (negative: it is); None when none ever is."""


class Code(NamedTuple):
    """The workflows a process has code for: names and versions, pairwise."""

    names: list[str]
    versions: list[int]

    def params(self) -> list[object]:
        """Return the parameters of CODE_IS_HERE."""
        return [self.names, self.names, self.versions]


ANY_CODE: list[object] = [None, None, None]
"""The parameters of CODE_IS_HERE for whoever takes every run."""


def park_run(
    run: ClaimedRun, park: Park, *, if_events: int | None = None, notes: Notes = UNCHANGED
) -> bool:
    """Park the run and record why, in one statement. Ends the lease.

    if_events: only if the event counter is still this, so that no event slips between the look
    and the park. False: nothing was written.
    """
    time = [park.until, park.seconds, list(park.waiting_for), park.heeds_deadline]
    params: list[object] = [*time, *notes, run.id, run.attempt, if_events, if_events]
    if park.fact is None:
        return query_one(_PARK_AGAIN, params) is not None
    return query_one(_PARK_AND_RECORD, params + _line(run, park.fact)) is not None


def await_code(run: ClaimedRun, fact: Fact, *, seconds: float, record: bool) -> bool:
    """Let the run wait so long for a worker with newer code; ends the lease.

    record: whether the line is written too. False: nothing was written.
    """
    line = [fact.name, fact.data, run.attempt, record]
    return query_one(_AWAIT_CODE, [seconds, run.id, run.attempt, *line]) is not None


def _line(run: ClaimedRun, fact: Fact) -> list[object]:
    line = [fact.position, fact.part, fact.kind, fact.name, fact.data]
    return [*line, _NAME_OF_TIME.get(fact.kind, "until"), run.attempt]
