"""continue_as_new: one run ends and its successor begins, in one statement."""

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.run import ClaimedRun, NewRun
from workflows.core.states import RunState
from workflows.store import insert
from workflows.store.database import query_one
from workflows.store.fence import KEEP_NOTES, Notes, held, holder
from workflows.store.schema import RING
from workflows.store.statement import NOW, Statement

_TAKEN_OVER = (
    "workflow",
    "status",
    "deadline",
    "parent_id",
    "parent_position",
    "detached",
    "undo_on_cancel",
    "priority",
    "owner",
    "tags",
    "subject",
    "max_crashes",
    "one_per_subject",
    "key_free_at_end",
    "tenant",
    "pausing",
    "data",
    "attributes",
    "baggage",
    "progress",
)
_SUCCESSOR = insert.run(
    "ended",
    **{column: f"ended.{column}" for column in _TAKEN_OVER},
    # As the statement began: by now the run that ends has lost it.
    key="(SELECT key FROM workflows_run AS before WHERE before.id = ended.id AND key_free_at_end)",
    state=f"CASE WHEN ended.pausing THEN '{RunState.PAUSED}' ELSE '{RunState.PENDING}' END",
    wake_at=f"CASE WHEN NOT ended.pausing THEN {NOW} END",
    due_at_resume=f"CASE WHEN ended.pausing THEN {NOW} END",
    chain_id="coalesce(ended.chain_id, ended.id)",
    events="""(SELECT count(*) FROM workflows_event
               WHERE run_id = ended.id AND position IS NULL)""",
)
# Only if no event has come since the counter was read: this statement would not see it, and it
# would stay behind. The inbox goes along, and with chain_id the name under which a parent waits
# for the end.
_RUN = sql_data(HistoryKind.CONTINUED, run="continued_as")
# What the code of the successor begins with, at every replay: its row will tell other things soon.
_WITH_NOTES = "born WHERE data <> '{}' OR attributes <> '{}'"
_BEGUN = sql_data(HistoryKind.CONTINUED, data="data", attributes="attributes")
_CONTINUE = Statement(
    f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPLETED}', key = CASE WHEN NOT key_free_at_end THEN key END,
            continued_as = %(id)s, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE {held([RunState.RUNNING])} AND events = %(events)s
        RETURNING *),
    born AS ({_SUCCESSOR} RETURNING id, attempt, data, attributes),
    begun AS (
        {insert.line(_WITH_NOTES, HistoryKind.CONTINUED, _BEGUN)}),
    inbox AS (
        UPDATE workflows_event AS event SET run_id = ended.continued_as
        FROM ended WHERE event.run_id = ended.id AND event.position IS NULL),
    fact AS (
        {insert.line("ended", HistoryKind.CONTINUED, _RUN)})
    SELECT id, {RING} FROM born
    """
)


def continue_run(run: ClaimedRun, successor: NewRun, *, events: int, notes: Notes) -> bool:
    """End the run and start the next one of its chain. events: the counter as last read.

    Of the successor, id, version and input count; it takes over all else. False: an event has come
    since, the run is being cancelled, or the lease is lost.
    """
    params = {**holder(run), "events": events, **notes.params(run)}
    successors = insert.new_run_params(successor, owner=run.chain_root)
    return query_one(_CONTINUE, params | successors) is not None
