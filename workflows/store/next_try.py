"""A run that has failed ends, and its next try begins, in one statement: the next of its chain."""

from uuid import UUID

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.lines import CHILD_EVENT, run_ended
from workflows.core.run import ClaimedRun, NewRun
from workflows.core.states import RunState
from workflows.core.update_lines import UPDATE_EVENT
from workflows.store import insert
from workflows.store.continue_as_new import KEPT_KEY, TAKEN_OVER
from workflows.store.database import query_one
from workflows.store.fence import KEEP_NOTES, WAITS_BRIEFLY, Notes, holder
from workflows.store.schema import RING, SOON
from workflows.store.sealing import sealed_error
from workflows.store.statement import NOW, Statement

# What the failed try has heard the next one hears again, but for what was the try's own: the ends of its
# children, and updates that it has answered.
_GOES_ALONG = f"""
    NOT starts_with(event.name, '{CHILD_EVENT}')
    AND (event.position IS NULL OR NOT starts_with(event.name, '{UPDATE_EVENT}'))
"""
_BEGIN = f"{NOW} + %(delay)s::float8 * interval '1 second'"
_SUCCESSOR = insert.run(
    "ended",
    **{column: f"ended.{column}" for column in TAKEN_OVER},
    failed_tries="ended.failed_tries + 1",
    # As in store/continue_as_new.py.
    key="(SELECT key FROM workflows_run AS before WHERE before.id = ended.id AND key_free_at_end)",
    state=f"CASE WHEN ended.pausing THEN '{RunState.PAUSED}' ELSE '{RunState.PENDING}' END",
    wake_at=f"CASE WHEN NOT ended.pausing THEN {_BEGIN} END",
    due_at_resume=f"CASE WHEN ended.pausing THEN {_BEGIN} END",
    chain_id="coalesce(ended.chain_id, ended.id)",
    events=f"""(SELECT count(*) FROM workflows_event AS event
                WHERE run_id = ended.id AND {_GOES_ALONG})""",
)
_RUN = sql_data(HistoryKind.CONTINUED, run="continued_as")
_WITH_NOTES = "born WHERE data <> '{}' OR attributes <> '{}'"
_BEGUN = sql_data(HistoryKind.CONTINUED, data="data", attributes="attributes")
_TRY_AGAIN = Statement(
    f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = %(state)s, error = coalesce(%(error)s::jsonb, error),
            key = CASE WHEN NOT key_free_at_end THEN key END,
            continued_as = %(id)s, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE id = %(run)s AND attempt = %(attempt)s AND state = %(before)s
          AND events = %(events)s AND {WAITS_BRIEFLY}
        RETURNING *),
    born AS ({_SUCCESSOR} RETURNING id, attempt, data, attributes, wake_at),
    begun AS ({insert.line(_WITH_NOTES, HistoryKind.CONTINUED, _BEGUN)}),
    inbox AS (
        UPDATE workflows_event AS event SET run_id = ended.continued_as, position = NULL
        FROM ended WHERE event.run_id = ended.id AND {_GOES_ALONG}),
    known AS (
        UPDATE workflows_event AS event SET chain_id = coalesce(ended.chain_id, ended.id)
        FROM ended WHERE event.run_id = ended.id AND {KEPT_KEY} AND NOT ({_GOES_ALONG})),
    fact AS ({insert.line("ended", "%(kind)s", "%(told)s::jsonb")} RETURNING at AS told_at),
    went_on AS ({insert.line("ended, fact", HistoryKind.CONTINUED, _RUN)})
    SELECT id, CASE WHEN {SOON} THEN {RING} END FROM born
    """
)
_FAILED_TRIES = Statement("SELECT failed_tries FROM workflows_run WHERE id = %s")


def failed_tries(run_id: UUID) -> int:
    """Return how many tries have failed before this one."""
    row = query_one(_FAILED_TRIES, [run_id])
    return 0 if row is None else int(row[0])


def begin_next_try(
    run: ClaimedRun,
    successor: NewRun,
    state: RunState,
    *,
    before: RunState,
    error: str | None,
    delay_seconds: float,
    events: int,
    notes: Notes,
) -> bool:
    """End the run as failed or compensated, and insert its next try, due after the delay.

    Of the successor, id, input and version count, with what its code says of a cancel and of crashes. events: the counter as last read. False: an event has
    come since, the run is being cancelled, or the lease is lost.
    """
    error = sealed_error(run.chain_root, error)
    ended = run_ended(state, error)
    params = {
        **holder(run), **notes.params(run), **insert.new_run_params(successor, owner=run.chain_root),
        "state": state, "before": before, "error": error, "delay": delay_seconds, "events": events,
        "kind": ended.kind, "told": ended.data,
    }  # fmt: skip
    return query_one(_TRY_AGAIN, params) is not None
