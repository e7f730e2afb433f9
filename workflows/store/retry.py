"""A failed run goes on: what is looked at first, and what is written."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple
from uuid import UUID

from workflows.core.asked import Asked
from workflows.core.codec import loads
from workflows.core.history import HistoryKind
from workflows.core.line_fields import BY, REASON, sql_data, sql_object
from workflows.core.lines import CHILD_EVENT, ChildEnd
from workflows.core.sealed import Encrypted
from workflows.core.states import RunState
from workflows.core.update_lines import UPDATE_EVENT
from workflows.store.database import query, query_one
from workflows.store.insert import line
from workflows.store.schema import RING
from workflows.store.sealing import Opener
from workflows.store.statement import NOW, Statement

_COLUMNS = f"""
    id, coalesce(chain_id, id), workflow, state, attempt, retries, parent_id, detached,
    coalesce(deadline <= {NOW}, false), error->>'type', (error->'message')::text,
    coalesce(key, freed_key)
"""
_LOOK = Statement(f"SELECT {_COLUMNS} FROM workflows_run WHERE id = %s")
# Of a chain, the newest: it stands for the others.
_CHILDREN = Statement(
    f"""
    SELECT {_COLUMNS} FROM workflows_run
    WHERE parent_id = %s AND NOT detached AND continued_as IS NULL ORDER BY id
    """
)
_WHY_CANCELLED = Statement(
    f"""
    SELECT data->>'{BY.name}', data->>'{REASON.name}' FROM workflows_history
    WHERE run_id = %s AND kind = '{HistoryKind.CANCEL_REQUESTED}' ORDER BY id DESC LIMIT 1
    """
)
_LOCK = Statement(
    """
    SELECT id, state, attempt, retries FROM workflows_run WHERE id = ANY(%(runs)s)
    ORDER BY array_position(%(runs)s, id) FOR NO KEY UPDATE
    """
)
_LOCK_PARENT = Statement("SELECT state FROM workflows_run WHERE id = %s FOR NO KEY UPDATE")
_NEWS = Statement("SELECT position FROM workflows_event WHERE run_id = %s AND key = %s")
_TOLD = {field.name: field.name for field in fields(ChildEnd)}
_WITHDRAW = Statement(
    "DELETE FROM workflows_event WHERE run_id = %s AND key = ANY(%s) RETURNING id"
)
_END = sql_object("end", set(_TOLD), _TOLD)
# The end of a child that is not retried is heard again: from its line, or anew where nobody was told.
_TELL_AGAIN = Statement(
    f"""
    WITH kept AS (
        UPDATE workflows_event SET position = NULL
        WHERE run_id = %(run)s AND key = ANY(%(labels)s) RETURNING key),
    told AS (
        INSERT INTO workflows_event (sent_at, run_id, name, payload, key)
        SELECT {NOW}, %(run)s, label,
               {_END}, label
        FROM workflows_run AS child,
             LATERAL (SELECT '{CHILD_EVENT}' || coalesce(child.chain_id, child.id)) AS named (label)
        WHERE child.id = ANY(%(children)s) AND label NOT IN (SELECT key FROM kept))
    UPDATE workflows_run SET events = events + 1 WHERE id = %(run)s RETURNING id
    """
)
_ASKED = {each: f"%({each})s::text" for each in Asked._fields}
_WHAT = sql_data(HistoryKind.RETRIED, **_ASKED, positions="to_jsonb(%(positions)s::int[])")
# A schedule that has seen it end counts it, or its chain, as open again. What it has not answered its callers have heard
# the end of.
_RETRY = Statement(
    f"""
    WITH moved AS (
        UPDATE workflows_run
        SET state = '{RunState.PENDING}', wake_at = {NOW}, finished_at = NULL, error = NULL,
            crashes = 0, pausing = false, waiting_for = '{{}}', retries = retries + 1,
            key = coalesce(key, freed_key), freed_key = NULL,
            deadline_seconds = coalesce(%(deadline_seconds)s::float8, deadline_seconds),
            deadline = CASE WHEN %(deadline_seconds)s::float8 IS NULL THEN deadline
                ELSE {NOW} + %(deadline_seconds)s::float8 * interval '1 second' END
        WHERE id = %(run)s
        RETURNING id, attempt, key, chain_id),
    fact AS ({line("moved", HistoryKind.RETRIED, _WHAT)}),
    withdrawn AS (
        DELETE FROM workflows_event AS event USING moved
        WHERE event.run_id = moved.id AND position IS NULL AND starts_with(name, '{UPDATE_EVENT}')),
    schedule AS (
        UPDATE workflows_schedule SET open_runs = array_append(open_runs, moved.id)
        FROM moved LEFT JOIN workflows_run AS first ON first.id = moved.chain_id
        WHERE starts_with(coalesce(moved.key, first.key), 'schedule:' || name || ':')
          AND NOT EXISTS (
            SELECT FROM workflows_run AS known
            WHERE known.id = ANY(open_runs)
              AND coalesce(known.chain_id, known.id) = coalesce(moved.chain_id, moved.id)))
    SELECT {RING} FROM moved
    """
)


class Found(NamedTuple):
    """A run that may be retried, or that stands in the way."""

    id: UUID
    chain: UUID
    """The first run of its chain, by which a parent knows it."""
    workflow: str
    state: RunState
    attempt: int
    retries: int
    parent_id: UUID | None
    detached: bool
    is_late: bool
    """Its deadline has passed."""
    error_type: str | None
    error_message: str | Encrypted | None
    key: str | None
    """The one that its end has set free, too."""

    @property
    def label(self) -> str:
        """The name of the event by which a parent hears of its end."""
        return f"{CHILD_EVENT}{self.chain}"


def find(run_id: UUID) -> Found | None:
    """Look at a run. None: there is none."""
    row = query_one(_LOOK, [run_id])
    return None if row is None else _found(row)


def children_of(run_id: UUID) -> list[Found]:
    """Return the children that are not detached, of chains the newest run."""
    return [_found(row) for row in query(_CHILDREN, [run_id])]


def _found(row: tuple[object, ...]) -> Found:
    found = Found(*row)  # type: ignore[arg-type]
    message = loads(str(found.error_message or "null"))
    told = Opener(found.chain).value(message, "message")
    return found._replace(state=RunState(found.state), error_message=told)


def why_cancelled(run_id: UUID) -> Asked:
    """Return who has cancelled a run, and why."""
    row = query_one(_WHY_CANCELLED, [run_id])
    return Asked() if row is None else Asked(*row)


def lock(runs: Sequence[Found]) -> bool:
    """Lock these runs in their order. False: one of them has changed since it was looked at."""
    rows = query(_LOCK, {"runs": [run.id for run in runs]})
    return {tuple(row) for row in rows} == {
        (run.id, run.state.value, run.attempt, run.retries) for run in runs
    }


class News(NamedTuple):
    """What a parent has been told of the end of a child."""

    state: RunState | None
    """The parent's; None: it is gone."""
    is_consumed: bool


def lock_parent(parent_id: UUID, label: str) -> News:
    """Lock a parent, and say what it has heard of its child."""
    row = query_one(_LOCK_PARENT, [parent_id])
    if row is None:
        return News(None, False)
    news = query_one(_NEWS, [parent_id, label])
    return News(RunState(row[0]), news is not None and news[0] is not None)


def withdraw(run_id: UUID, labels: Sequence[str]) -> None:
    """Take back what a run was told, or has heard, of the ends of these children."""
    query(_WITHDRAW, [run_id, list(labels)])


def tell_again(run_id: UUID, children: Sequence[Found]) -> None:
    """Let a run hear the ends of these children again."""
    labels = [child.label for child in children]
    query(
        _TELL_AGAIN, {"run": run_id, "labels": labels, "children": [child.id for child in children]}
    )


def retry_run(
    run_id: UUID, asked: Asked, *, positions: Sequence[int], deadline_seconds: float | None
) -> None:
    """Let a locked run go on; what is recorded at these positions counts no more."""
    params = {"run": run_id, "positions": list(positions), "deadline_seconds": deadline_seconds}
    query(_RETRY, params | asked._asdict())
