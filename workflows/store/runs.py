"""Runs: create by key, end, block, turn to compensation."""

import uuid

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.lines import run_ended
from workflows.core.run import ClaimedRun, NewRun, RunView
from workflows.core.signature import Input
from workflows.core.states import FINAL_STATES, FORWARD_STATES, RunState
from workflows.store import insert
from workflows.store.database import Connection, query_one
from workflows.store.fence import (
    HEARD,
    KEEP_NOTES,
    UNCHANGED,
    WAITS_BRIEFLY,
    Notes,
    held,
    holder,
    still_held,
)
from workflows.store.schema import RING, SOON
from workflows.store.sealing import opened_input, sealed_error, sealed_text
from workflows.store.statement import NOW, Statement, one_of
from workflows.store.views import view_of_new

# Who waits here for the deletion of the key's run sees no key of it: a trigger looks again.
_UNLESS_PRUNED = """
    (SELECT) AS asked WHERE NOT EXISTS (
        SELECT FROM workflows_prunedkey WHERE workflow = %(workflow)s AND key = %(key)s)
"""
_CREATED = f"""
    WITH created AS (
        {insert.run(_UNLESS_PRUNED)}
        ON CONFLICT <taken> DO NOTHING
        RETURNING id, attempt, data, attributes, created_at, wake_at, deadline)
"""
_TELL = f"""
    SELECT created_at, wake_at, deadline, CASE WHEN {SOON} THEN {RING} END FROM created
"""
_BEGUN = sql_data(HistoryKind.CONTINUED, data="data", attributes="attributes")
# The code begins with them at every replay, when its row may tell other things.
_WITH_ATTRIBUTES = f", begun AS ({insert.line('created', HistoryKind.CONTINUED, _BEGUN)})"
_CREATE = {
    (once, attributes): Statement(
        _CREATED.replace("<taken>", "" if once else "(workflow, key) WHERE key IS NOT NULL")
        + (_WITH_ATTRIBUTES if attributes else "")
        + _TELL
    )
    for once in (False, True)
    for attributes in (False, True)
}
"""By whether the run takes its subject, and whether it has attributes."""

_END = Statement(
    f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = %(state)s, output = %(output)s::jsonb, error = coalesce(%(error)s::jsonb, error),
            compensation_error = %(compensation_error)s::jsonb, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE id = %(run)s AND attempt = %(attempt)s AND state = %(before)s AND {WAITS_BRIEFLY}
        RETURNING id, attempt),
    fact AS (
        {insert.line("ended", "%(kind)s", "%(told)s::jsonb")})
    SELECT id FROM ended
    """
)

_ERROR = sql_data(HistoryKind.BLOCKED, error="%(error)s::jsonb")
_BLOCK = Statement(
    f"""
    WITH blocked AS (
        UPDATE workflows_run
        SET state = '{RunState.BLOCKED}', error = %(error)s::jsonb, wake_at = NULL, worker_id = NULL,
            lease_until = NULL
        WHERE {held([RunState.RUNNING])}
        RETURNING id, attempt),
    fact AS (
        {insert.line("blocked", HistoryKind.BLOCKED, _ERROR)})
    SELECT id FROM blocked
    """
)

_BY_NOBODY = sql_data(HistoryKind.COMPENSATION_STARTED, by="''", error="%(error)s::jsonb")
_AGAIN = sql_data(HistoryKind.COMPENSATION_STARTED, again="true")
_BEGUN_BY_NOBODY = f"{_BY_NOBODY} || CASE WHEN %(again)s THEN {_AGAIN} ELSE '{{}}' END"
# The lease stays: the drive that failed goes on to compensate.
_BEGIN_COMPENSATION = Statement(
    f"""
    WITH moved AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPENSATING}', error = coalesce(%(error)s::jsonb, error),
            compensation_error = NULL, crashes = 0, {KEEP_NOTES}
        WHERE {held(FORWARD_STATES)}
        RETURNING id, attempt),
    fact AS ({insert.line("moved", HistoryKind.COMPENSATION_STARTED, _BEGUN_BY_NOBODY)})
    SELECT id FROM moved
    """
)

_HOLD = Statement(f"SELECT {HEARD}, events FROM workflows_run WHERE {still_held()}")

_BY_KEY = Statement(
    """
    SELECT id, coalesce(chain_id, id), input::text, defaults::text FROM workflows_run WHERE workflow = %s AND key = %s
    """
)
_OF_SUBJECT = Statement(
    f"""
    SELECT id FROM workflows_run
    WHERE workflow = %s AND subject = %s AND one_per_subject AND state NOT IN {one_of(FINAL_STATES)}
    """
)
_RIVAL = Statement(
    f"""
    SELECT other.workflow, other.subject, other.id FROM workflows_run AS run
    JOIN workflows_run AS other USING (workflow, subject)
    WHERE run.id = %s AND run.one_per_subject AND run.state IN {one_of(FINAL_STATES)}
      AND other.one_per_subject AND other.state NOT IN {one_of(FINAL_STATES)}
    """
)
_PRUNED = Statement(
    """
    SELECT run_id, state FROM workflows_prunedkey WHERE workflow = %s AND key = %s
    """
)


def create_run(new: NewRun, *, on: Connection | None = None) -> RunView | None:
    """Insert a run in the caller's transaction and return it. None: the key is taken, by a run or by
    one that was pruned; or its subject is."""
    statement = _CREATE[new.one_per_subject, new.attributes != "{}"]
    row = query_one(statement, insert.new_run_params(new), on=on)
    if row is None:
        return None
    created_at, wake_at, deadline, _ = row
    return view_of_new(new, created_at=created_at, wake_at=wake_at, deadline=deadline)


def end_run(
    run: ClaimedRun,
    state: RunState,
    *,
    before: RunState,
    output: str | None = None,
    error: str | None = None,
    compensation_error: str | None = None,
    notes: Notes = UNCHANGED,
) -> bool:
    """End the run, and record it. False: another end has won.

    before: the state it ends from. output and errors are JSON texts.
    """
    owner = run.chain_root
    error, compensation_error = (sealed_error(owner, each) for each in (error, compensation_error))
    ended = run_ended(state, compensation_error or error)
    params = {
        **holder(run),
        "before": before,
        "state": state,
        "output": sealed_text(owner, "output", output),
        "error": error,
        "compensation_error": compensation_error,
        "kind": ended.kind,
        "told": ended.data,
        **notes.params(run),
    }
    return query_one(_END, params) is not None


def begin_compensation(
    run: ClaimedRun, *, error: str | None, again: bool = False, notes: Notes = UNCHANGED
) -> bool:
    """Turn a run that failed, or is being cancelled, to undoing its steps; the lease stays. again: it is
    tried again afterwards."""
    told = sealed_error(run.chain_root, error)
    params = {**holder(run), "error": told, "again": again, **notes.params(run)}
    return query_one(_BEGIN_COMPENSATION, params) is not None


def block_run(run: ClaimedRun, *, error: str) -> bool:
    """Set the run aside until a person or a deploy helps. error is JSON text."""
    told = sealed_error(run.chain_root, error)
    return query_one(_BLOCK, holder(run) | {"error": told}) is not None


def look(run: ClaimedRun) -> tuple[RunState, int] | None:
    """Return the held run's state, paused where it is to pause, and its event counter; None when the lease
    is lost."""
    row = query_one(_HOLD, holder(run))
    return None if row is None else (RunState(row[0]), row[1])


def find_by_key(workflow: str, key: str) -> tuple[uuid.UUID, Input] | None:
    """Return id and input of the run that has this key. Raises PayloadUnreadable."""
    row = query_one(_BY_KEY, [workflow, key])
    return None if row is None else (row[0], opened_input(*row[1:]))


def find_of_subject(workflow: str, subject: str) -> uuid.UUID | None:
    """Return the open run that has taken a subject."""
    row = query_one(_OF_SUBJECT, [workflow, subject])
    return None if row is None else uuid.UUID(str(row[0]))


def find_rival(run_id: uuid.UUID) -> tuple[str, str, uuid.UUID] | None:
    """Return workflow, subject and id of the open run that has taken the subject of one that has ended."""
    row = query_one(_RIVAL, [run_id])
    return None if row is None else (row[0], row[1], row[2])


def find_pruned(workflow: str, key: str) -> tuple[uuid.UUID, str] | None:
    """Return the id of the run that had this key and was pruned, and as what it had ended."""
    row = query_one(_PRUNED, [workflow, key])
    return None if row is None else (row[0], row[1])
