"""Runs: create by key, claim a lease, end, release."""

import uuid
from typing import Any

from workflows.core.codec import Input, loads
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, RunView
from workflows.core.states import RunState
from workflows.store.database import CHANNEL, query_one
from workflows.store.fence import KEEP_NOTES, UNCHANGED, Notes
from workflows.store.insert import line
from workflows.store.parking import ANY_CODE, CODE_IS_HERE, DUE, Code
from workflows.store.statement import NOW, STATEMENT_TIME, Statement

LONGEST_PAUSE_SECONDS = 30
"""Between two drives of a run that the database refuses."""

_CREATE = Statement(
    f"""
    WITH created AS (
        INSERT INTO workflows_run
            (created_at, id, workflow, version, state, status, key, input, defaults, deadline,
             undo_on_cancel, wake_at)
        VALUES ({NOW}, %s, %s, %s, '{RunState.PENDING}', '', %s, %s::jsonb, %s::jsonb,
                {NOW} + %s::float8 * interval '1 second', %s, {NOW})
        ON CONFLICT (workflow, key) WHERE key IS NOT NULL DO NOTHING
        RETURNING created_at, wake_at, deadline)
    SELECT created_at, wake_at, deadline, pg_notify('{CHANNEL}', '') FROM created
    """
)


# NO KEY UPDATE lets through the foreign keys' share locks of senders.
def _claim(which: str) -> Statement:
    return Statement(
        f"""
    WITH due AS MATERIALIZED (
        SELECT id, wake_at FROM workflows_run
        WHERE {which} {DUE} AND wake_at <= {STATEMENT_TIME} AND {CODE_IS_HERE}
        ORDER BY wake_at LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE workflows_run AS run
    SET state = CASE run.state WHEN '{RunState.COMPENSATING}' THEN run.state
                               ELSE '{RunState.RUNNING}' END,
        attempt = run.attempt + 1, worker_id = %s,
        lease_until = {NOW} + %s * interval '1 second', wake_at = NULL,
        waiting_for = '{{}}', started_at = coalesce(run.started_at, {NOW})
    FROM due WHERE run.id = due.id
    RETURNING run.id, run.workflow, run.version, run.state, run.attempt, run.input::text,
              run.defaults::text, run.events, run.data::text, run.attributes::text, run.heartbeat::text,
              run.error::text, run.deadline, run.created_at, due.wake_at, {NOW}
        """
    )


_CLAIM, _CLAIM_ONE = _claim(""), _claim("id = %s AND")

_END = Statement(
    f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = %(state)s, output = %(output)s::jsonb, error = coalesce(%(error)s::jsonb, error),
            compensation_error = %(compensation_error)s::jsonb, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE id = %(run)s AND attempt = %(attempt)s AND state = %(before)s
        RETURNING id, attempt),
    fact AS (
        {line("ended", "%(kind)s", "%(told)s::jsonb")})
    SELECT id FROM ended
    """
)

_BLOCK = Statement(
    f"""
    WITH blocked AS (
        UPDATE workflows_run
        SET state = '{RunState.BLOCKED}', error = %s::jsonb, wake_at = NULL, worker_id = NULL,
            lease_until = NULL
        WHERE id = %s AND attempt = %s AND state = '{RunState.RUNNING}'
        RETURNING id, attempt),
    fact AS (
        {line("blocked", HistoryKind.BLOCKED, "jsonb_build_object('error', %s::jsonb)")})
    SELECT id FROM blocked
    """
)

_BACK_TO_THE_QUEUE = f"""
        UPDATE workflows_run
        SET state = CASE state WHEN '{RunState.COMPENSATING}' THEN state
                               ELSE '{RunState.PENDING}' END,
            wake_at = {NOW} + pause * interval '1 second',
            worker_id = NULL, lease_until = NULL
        FROM until_then
        WHERE id = %s AND attempt = %s
          AND state IN ('{RunState.RUNNING}', '{RunState.COMPENSATING}')
        RETURNING pause)
    SELECT pause, CASE WHEN pause = 0 THEN pg_notify('{CHANNEL}', '') END FROM released
"""
_RELEASE = Statement(
    f"""
    WITH until_then AS (SELECT 0::float8 AS pause),
    released AS ({_BACK_TO_THE_QUEUE}
    """
)
# Every claim counts up the attempt and every line names it: what lies between the run's own and the
# newest line's are the drives in a row that have recorded nothing.
_GIVE_BACK = Statement(
    f"""
    WITH fruitless AS (
        SELECT %s - coalesce(max(attempt), 0) - %s AS drives
        FROM workflows_history WHERE run_id = %s),
    until_then AS (
        SELECT CASE WHEN drives <= 0 THEN 0
                    ELSE least(power(2, least(drives, 30) - 1), {LONGEST_PAUSE_SECONDS})
               END::float8 AS pause
        FROM fruitless),
    released AS ({_BACK_TO_THE_QUEUE}
    """
)

_BY_NOBODY = "jsonb_build_object('by', '', 'error', %(error)s::jsonb)"
# The lease stays: the drive that failed goes on to compensate.
_BEGIN_COMPENSATION = Statement(
    f"""
    WITH moved AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPENSATING}', error = coalesce(%(error)s::jsonb, error),
            compensation_error = NULL, crashes = 0, {KEEP_NOTES}
        WHERE id = %(run)s AND attempt = %(attempt)s
          AND state IN ('{RunState.RUNNING}', '{RunState.CANCELLING}')
        RETURNING id, attempt),
    fact AS ({line("moved", HistoryKind.COMPENSATION_STARTED, _BY_NOBODY)})
    SELECT id FROM moved
    """
)

_HOLD = Statement(
    """
    SELECT state, events FROM workflows_run
    WHERE id = %s AND attempt = %s AND state IN ('running', 'cancelling', 'compensating')
    """
)

_BY_KEY = Statement(
    """
    SELECT id, input::text, defaults::text FROM workflows_run WHERE workflow = %s AND key = %s
    """
)

_ENDINGS = {
    RunState.COMPLETED: (RunState.RUNNING, HistoryKind.RUN_COMPLETED),
    RunState.FAILED: (RunState.RUNNING, HistoryKind.RUN_FAILED),
    RunState.CANCELLED: (RunState.CANCELLING, HistoryKind.RUN_CANCELLED),
    RunState.COMPENSATED: (RunState.COMPENSATING, HistoryKind.RUN_COMPENSATED),
}


def create_run(
    *,
    run_id: uuid.UUID,
    workflow: str,
    version: int,
    key: str | None,
    input: Input,
    deadline_seconds: float | None = None,
    undo_on_cancel: bool = False,
) -> RunView | None:
    """Insert a due run in the caller's transaction and return it. None: the key is taken."""
    params = [run_id, workflow, version, key, *input, deadline_seconds, undo_on_cancel]
    row = query_one(_CREATE, params)
    if row is None:
        return None
    created_at, wake_at, deadline, _ = row
    return fresh_run(
        id=run_id,
        workflow=workflow,
        version=version,
        key=key,
        input=loads(input.defaults) | loads(input.given),
        defaults=loads(input.defaults),
        created_at=created_at,
        wake_at=wake_at,
        deadline=deadline,
    )


def fresh_run(**known: Any) -> RunView:
    """Return the view of a run that nobody has driven yet."""
    return RunView(
        state=RunState.PENDING,
        status="",
        output=None,
        error=None,
        compensation_error=None,
        data={},
        attributes={},
        progress=None,
        heartbeat=None,
        parent_id=None,
        continued_as=None,
        waiting_for=(),
        attempt=0,
        crashes=0,
        started_at=None,
        finished_at=None,
        **known,
    )


def claim_run(
    *,
    worker_id: int | None,
    lease_seconds: float,
    code: Code | None = None,
    only: uuid.UUID | None = None,
) -> ClaimedRun | None:
    """Take the lease of the run that has been due longest; None when none is due.

    code: only of these workflows; None: of any. only: this run or none. One statement, one commit. Runs that others are claiming or sending events to are passed over.
    """
    known = ANY_CODE if code is None else code.params()
    if only is None:
        row = query_one(_CLAIM, [*known, worker_id, lease_seconds])
    else:
        row = query_one(_CLAIM_ONE, [only, *known, worker_id, lease_seconds])
    return None if row is None else ClaimedRun(**dict(zip(_CLAIMED, row, strict=True)))


_CLAIMED = (  # noqa: SIM905 - a line each would be sixteen
    "id workflow version state attempt input defaults events data "
    "attributes heartbeat error deadline created_at due_at now"
).split()


def end_run(
    run: ClaimedRun,
    state: RunState,
    *,
    before: RunState | None = None,
    output: str | None = None,
    error: str | None = None,
    compensation_error: str | None = None,
    notes: Notes = UNCHANGED,
) -> bool:
    """End the run, and record it. False: another end has won.

    before: from which state, where it is not the usual one.

    output and errors are JSON texts.
    """
    told = compensation_error or error
    data = "{}" if told is None else f'{{"error": {told}}}'
    usual, kind = _ENDINGS[state]
    held = {"run": run.id, "attempt": run.attempt, "before": before or usual}
    values = {"output": output, "error": error, "compensation_error": compensation_error}
    params = {"state": state, **held, **values, "kind": kind, "told": data, **notes.params()}
    return query_one(_END, params) is not None


def begin_compensation(run: ClaimedRun, *, error: str | None, notes: Notes = UNCHANGED) -> bool:
    """Turn a run that failed, or is being cancelled, to undoing its steps; the lease stays."""
    params = {"run": run.id, "attempt": run.attempt, "error": error, **notes.params()}
    return query_one(_BEGIN_COMPENSATION, params) is not None


def block_run(run: ClaimedRun, *, error: str) -> bool:
    """Set the run aside until a person or a deploy helps. error is JSON text."""
    return query_one(_BLOCK, [error, run.id, run.attempt, error]) is not None


def release_run(run: ClaimedRun) -> bool:
    """Give the run back to the queue, due now. False when the lease is lost."""
    return query_one(_RELEASE, [run.id, run.attempt]) is not None


def give_back(run: ClaimedRun, *, at_once: int) -> float | None:
    """Give the run back after a drive that the database failed. Returns in how many seconds it is
    due; None: the lease is lost, or the run is being cancelled.

    at_once: so many drives in a row may record nothing without a wait for the next one; from then
    on it waits for a second, and twice as long each time, up to LONGEST_PAUSE_SECONDS.
    """
    row = query_one(_GIVE_BACK, [run.attempt, at_once, run.id, run.id, run.attempt])
    return None if row is None else float(row[0])


def look(run: ClaimedRun) -> tuple[RunState, int] | None:
    """Return the held run's state and event counter; None when the lease is lost."""
    row = query_one(_HOLD, [run.id, run.attempt])
    return None if row is None else (RunState(row[0]), row[1])


def find_by_key(workflow: str, key: str) -> tuple[uuid.UUID, Input] | None:
    """Return id and input of the run that has this key."""
    row = query_one(_BY_KEY, [workflow, key])
    return None if row is None else (row[0], Input(*row[1:]))
