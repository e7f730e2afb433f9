"""continue_as_new: one run ends and its successor begins, in one statement."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows.core.history import HistoryKind
from workflows.core.kept_children import KeptChild, written
from workflows.core.line_fields import sql_data
from workflows.core.lines import CHILD_EVENT
from workflows.core.run import ClaimedRun, NewRun
from workflows.core.states import RunState
from workflows.store import insert
from workflows.store.database import query, query_one
from workflows.store.fence import KEEP_NOTES, WAITS_BRIEFLY, Notes, held, holder
from workflows.store.schema import RING
from workflows.store.statement import NOW, Statement

TAKEN_OVER = (
    "workflow",
    "status",
    "deadline",
    "deadline_seconds",
    "parent_id",
    "parent_position",
    "detached",
    "priority",
    "owner",
    "tags",
    "subject",
    "one_per_subject",
    "key_free_at_end",
    "tenant",
    "pausing",
    "data",
    "attributes",
    "baggage",
    "progress",
)
"""By column, what goes from a run to the next of its chain."""
_SUCCESSOR = {
    **{column: f"ended.{column}" for column in TAKEN_OVER},
    # As the statement began: by now the run that ends has lost it.
    "key": "(SELECT key FROM workflows_run AS before WHERE before.id = ended.id AND key_free_at_end)",
    "state": f"CASE WHEN ended.pausing THEN '{RunState.PAUSED}' ELSE '{RunState.PENDING}' END",
    "wake_at": f"CASE WHEN NOT ended.pausing THEN {NOW} END",
    "due_at_resume": f"CASE WHEN ended.pausing THEN {NOW} END",
    "chain_id": "coalesce(ended.chain_id, ended.id)",
    "events": """(SELECT count(*) FROM workflows_event
               WHERE run_id = ended.id AND position IS NULL)""",
}
# Only if no event has come since the counter was read: this statement would not see it, and it
# would stay behind. The inbox goes along, and with chain_id the name under which a parent waits
# for the end.
_RUN = sql_data(HistoryKind.CONTINUED, run="continued_as")
# What the code of the successor begins with, at every replay: its row will tell other things soon.
_WITH_NOTES = "born WHERE data <> '{}' OR attributes <> '{}'"
_BEGUN = sql_data(HistoryKind.CONTINUED, data="data", attributes="attributes")
# The chain knows the keys of what stays behind. A child ends once; its event needs no key beyond.
KEPT_KEY = f"""
    event.position IS NOT NULL AND event.key IS NOT NULL AND NOT starts_with(event.name, '{CHILD_EVENT}')
"""


def _continuing(successor: str, children: str = "") -> Statement:
    return Statement(f"""
    WITH ended AS (
        UPDATE workflows_run
        SET state = '{RunState.COMPLETED}', key = CASE WHEN NOT key_free_at_end THEN key END,
            continued_as = %(id)s, finished_at = {NOW},
            wake_at = NULL, worker_id = NULL, lease_until = NULL, {KEEP_NOTES}
        WHERE {held([RunState.RUNNING])} AND events = %(events)s
        RETURNING *),
    born AS ({successor} RETURNING id, attempt, data, attributes),
    begun AS (
        {insert.line(_WITH_NOTES, HistoryKind.CONTINUED, _BEGUN)}),
    {children}
    inbox AS (
        UPDATE workflows_event AS event SET run_id = ended.continued_as
        FROM ended WHERE event.run_id = ended.id AND event.position IS NULL),
    known AS (
        UPDATE workflows_event AS event SET chain_id = coalesce(ended.chain_id, ended.id)
        FROM ended WHERE event.run_id = ended.id AND {KEPT_KEY}),
    fact AS (
        {insert.line("ended", HistoryKind.CONTINUED, _RUN)})
    SELECT id, {RING} FROM born
    """)


_CONTINUE = _continuing(insert.run("ended", **_SUCCESSOR))
_KEPT = sql_data(HistoryKind.CHILDREN_KEPT, children="%(told)s::jsonb")
_CONTINUE_WITH_CHILDREN = _continuing(
    # As of a run that was driven: whoever claims it reads its history, also in an older release, which
    # then leaves it to a newer one.
    insert.run("ended", **_SUCCESSOR, attempt="1"),
    f"""
    kept AS (
        UPDATE workflows_run AS child SET parent_id = born.id, parent_position = NULL
        FROM born WHERE child.id = ANY(%(children)s)),
    handed AS (
        {insert.line("born", HistoryKind.CHILDREN_KEPT, _KEPT)}),
    """,
)
_MINE = """
    parent_id = %(run)s AND continued_as IS NULL AND coalesce(chain_id, id) = ANY(%(labels)s)
"""
# A child before its parent, as everywhere: one that ends locks its own row and then its parent's.
_LOCK_CHILDREN = Statement(
    f"""
    SELECT id FROM workflows_run WHERE {_MINE} AND {WAITS_BRIEFLY} ORDER BY id FOR NO KEY UPDATE
    """
)
# One of them has gone on as another while the lock was waited for, and that one is not seen there.
_BORN_MEANWHILE = Statement(
    f"""
    SELECT FROM workflows_run WHERE {_MINE} AND NOT id = ANY(%(locked)s) LIMIT 1
    """
)


def continue_run(
    run: ClaimedRun,
    successor: NewRun,
    *,
    events: int,
    notes: Notes,
    keeps: Sequence[KeptChild] = (),
) -> bool:
    """End the run and start the next one of its chain. events: the counter as last read. keeps: the
    children that go along.

    Of the successor, id, input and version count, with what the code of that version says of a cancel and
    of crashes; it takes over all else. False: an event has come since, the run is being cancelled, or the
    lease is lost.
    """
    params = {**holder(run), "events": events, **notes.params(run)}
    params |= insert.new_run_params(successor, owner=run.chain_root)
    if not keeps:
        return query_one(_CONTINUE, params) is not None
    while True:
        with transaction.atomic():
            children = _lock_children(run, keeps)
            if children is not None:
                params |= {"told": written(keeps), "children": children}
                return query_one(_CONTINUE_WITH_CHILDREN, params) is not None
            transaction.set_rollback(True)


def _lock_children(run: ClaimedRun, keeps: Sequence[KeptChild]) -> list[UUID] | None:
    """Lock the children, each by the run that it has come to. None: one has gone on meanwhile; let go of
    all, and try again."""
    params: dict[str, Any] = {"run": run.id, "labels": [child.id for child in keeps]}
    locked = [child for [child] in query(_LOCK_CHILDREN, params)]
    born = query_one(_BORN_MEANWHILE, params | {"locked": locked})
    return locked if born is None else None
