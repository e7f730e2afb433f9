"""Waiting: park a run, and look ahead to what is due."""

from typing import NamedTuple

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Park
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import KEEP_NOTES, UNCHANGED, Notes
from workflows.store.history import fact_params
from workflows.store.insert import line, operation_line
from workflows.store.statement import NOW, STATEMENT_TIME, Statement

# The time is computed once, by the database's clock, and recorded with the line that starts the
# wait. A run's deadline wakes it sooner. The bell rings only for what falls due before the next
# poll.
_PARK = f"""
    WITH timing AS MATERIALIZED (
        SELECT coalesce(%(until)s::timestamptz,
                        {NOW} + %(seconds)s::float8 * interval '1 second') AS at),
    parked AS (
        UPDATE workflows_run AS run
        SET state = CASE run.state WHEN '{RunState.RUNNING}' THEN '{RunState.WAITING}'
                                   ELSE run.state END,
            worker_id = NULL, lease_until = NULL, waiting_for = %(waiting_for)s,
            wake_at = CASE WHEN run.state = '{RunState.RUNNING}' AND %(heeds_deadline)s
                           THEN least(timing.at, run.deadline) ELSE timing.at END,
            {KEEP_NOTES}
        FROM timing
        WHERE run.id = %(run)s AND run.attempt = %(attempt)s
          AND run.state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
          AND (%(if_events)s::integer IS NULL OR run.events = %(if_events)s::integer)
        RETURNING run.id, run.wake_at, timing.at)
"""
_RING = f"""
    SELECT wake_at,
           CASE WHEN wake_at < {NOW} + interval '1 second' THEN pg_notify('{CHANNEL}', '') END
    FROM parked
"""
_WITH_TIME = "%(data)s::jsonb || jsonb_build_object(%(name_of_time)s::text, at)"
_PARK_AGAIN = Statement(f"{_PARK} {_RING}")
_PARK_AND_RECORD = Statement(
    f"{_PARK}, fact AS ({operation_line('parked', data=_WITH_TIME)}) {_RING}"
)
_UNTIL = "%(data)s::jsonb || jsonb_build_object('until', wake_at)"
# No event and no deadline wakes it: who is at it now could do nothing with either.
_AWAIT_CODE = Statement(
    f"""
    WITH given AS (
        UPDATE workflows_run
        SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                               ELSE '{RunState.WAITING}' END,
            wake_at = {NOW} + %(seconds)s::float8 * interval '1 second', waiting_for = '{{}}',
            worker_id = NULL, lease_until = NULL
        WHERE id = %(run)s AND attempt = %(attempt)s
          AND state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
        RETURNING id, wake_at, attempt),
    fact AS ({line("given WHERE %(record)s", HistoryKind.CODE_AWAITED, _UNTIL, name="%(what)s")})
    SELECT id FROM given
    """
)
DUE = f"state IN ('{RunState.PENDING}', '{RunState.WAITING}', '{RunState.COMPENSATING}')"
"""With wake_at in the past, these are claimed. The literals must be the ones of run_due_idx."""
CODE_IS_HERE = """
    (%s::text[] IS NULL
     OR (workflow, version) IN (SELECT * FROM unnest(%s::text[], %s::integer[])))
"""
"""A worker takes only what it has code for. The first parameter repeats the second."""
LOOK_AHEAD = Statement(
    f"""
    SELECT (SELECT count(*) FROM (
                SELECT FROM workflows_run
                WHERE {DUE} AND wake_at <= {STATEMENT_TIME} AND {CODE_IS_HERE}
                LIMIT %s) AS due),
           (SELECT extract(epoch FROM min(wake_at) - {NOW})::float8
            FROM workflows_run WHERE {DUE} AND {CODE_IS_HERE})
    """
)
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
    params = {
        "run": run.id,
        "attempt": run.attempt,
        "until": park.until,
        "seconds": park.seconds,
        "waiting_for": list(park.waiting_for),
        "heeds_deadline": park.heeds_deadline,
        "if_events": if_events,
        **notes.params(),
    }
    if park.fact is None:
        return query_one(_PARK_AGAIN, params) is not None
    params |= fact_params(park.fact)
    params["name_of_time"] = _NAME_OF_TIME.get(park.fact.kind, "until")
    return query_one(_PARK_AND_RECORD, params) is not None


def await_code(run: ClaimedRun, *, seconds: float, what: str, data: str, record: bool) -> bool:
    """Let the run wait so long for a worker with newer code; ends the lease.

    what it waits for and data (JSON text) are kept where the line is recorded. False: nothing was
    written.
    """
    params = {"run": run.id, "attempt": run.attempt, "seconds": seconds}
    params |= {"what": what, "data": data, "record": record}
    return query_one(_AWAIT_CODE, params) is not None
