"""Fork: a new run with a copy of the beginning of another's history."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.asked import Asked
from workflows.core.fork import Prefix
from workflows.core.history import RETRY, HistoryEntry, HistoryKind
from workflows.core.line_fields import sql_data
from workflows.core.signature import Input
from workflows.core.states import RunState
from workflows.store import insert
from workflows.store.database import query, query_one
from workflows.store.history import load_history, sealed_entry
from workflows.store.schema import RING
from workflows.store.sealing import Opener, opened_input, sealed_input, sealed_text, sealer
from workflows.store.statement import NOW, Statement

# It may be neither pruned nor turned to undoing its steps before the fork is there.
_LOCK = Statement(
    """
    SELECT workflow, version, state, CASE WHEN one_per_subject THEN subject END,
           coalesce(chain_id, id), input::text, defaults::text, baggage::text
    FROM workflows_run WHERE id = %s FOR NO KEY UPDATE
    """
)
_TAKEN_OVER = (
    *("workflow", "version", "undo_on_cancel", "priority", "owner", "tags", "tenant"),
    *("max_crashes", "key_free_at_end", "one_per_subject"),
)
# An older release has not written how long the other run was given.
_DEADLINE_SECONDS = """
    coalesce(%(deadline_seconds)s::float8, origin.deadline_seconds,
             extract(epoch FROM origin.deadline - origin.created_at)::float8)
"""
_FORK = insert.run(
    "workflows_run AS origin WHERE origin.id = %(origin)s",
    **{column: f"origin.{column}" for column in _TAKEN_OVER},
    key="NULL",
    # What only one may have, the fork has: it is refused while another does.
    subject="CASE WHEN origin.one_per_subject THEN origin.subject ELSE '' END",
    detached="false",
    status="%(status)s",
    data="%(data)s::jsonb",
    wake_at=NOW,
    deadline_seconds=_DEADLINE_SECONDS,
    deadline=f"{NOW} + {_DEADLINE_SECONDS} * interval '1 second'",
    forked_from="origin.id",
    # As of a run that was driven: whoever claims it reads its history, also in an older release, which
    # then leaves it to a newer one.
    attempt="1",
)
_WHERE = {
    "run": "to_jsonb(%(origin)s::uuid)",
    "before": "%(before)s::int",
    "created_at": "(SELECT created_at FROM workflows_run AS origin WHERE origin.id = %(origin)s)",
    "inputs": "to_jsonb(%(inputs)s::text[])",
}
_ASKED = {each: f"%({each})s::text" for each in Asked._fields}
_WHAT = sql_data(HistoryKind.FORKED, **_ASKED, **_WHERE)
_CREATE = Statement(
    f"""
    WITH forked AS ({_FORK} RETURNING id, attempt),
    copied AS (
        INSERT INTO workflows_history (run_id, position, part, kind, name, data, attempt, at)
        SELECT forked.id, line.position, mod(line.part, {RETRY}), line.kind, line.name,
               coalesce(sealed.data::jsonb, line.data), forked.attempt, line.at
        FROM forked, workflows_history AS line
             LEFT JOIN unnest(%(sealed_lines)s::bigint[], %(sealed_data)s::text[]) AS sealed (id, data)
             ON sealed.id = line.id
        WHERE line.id = ANY(%(lines)s) ORDER BY line.id
        RETURNING id),
    fact AS (
        {insert.line("forked, (SELECT count(*) FROM copied) AS behind (them)", HistoryKind.FORKED, _WHAT)})
    SELECT {RING} FROM forked
    """
)


class Origin(NamedTuple):
    """The run that is forked."""

    workflow: str
    version: int
    state: RunState
    subject: str | None
    """Which only one open run may have; None: it is no such run."""
    chain_root: UUID
    """The first run of its chain, or itself."""
    input: Input
    baggage: str
    """As JSON text."""


def lock_origin(run_id: UUID) -> Origin | None:
    """Lock the run that is forked, to the end of the transaction. None: there is none. Raises
    PayloadUnreadable."""
    row = query_one(_LOCK, [run_id])
    if row is None:
        return None
    workflow, version, state, subject, root, given, defaults, baggage = row
    opener = Opener(root)
    baggage = opener.text(baggage, "baggage")
    opener.strict()
    input = opened_input(root, given, defaults)
    return Origin(workflow, version, RunState(state), subject, root, input, baggage)


def load_lines(run_id: UUID, origin: Origin) -> list[HistoryEntry]:
    """Return the history of a run that is forked. Raises PayloadUnreadable: what cannot be read cannot
    be encrypted for the fork."""
    opener = Opener(origin.chain_root)
    entries = load_history(run_id, opener)
    opener.strict()
    return entries


def create_fork(
    run_id: UUID,
    origin: UUID,
    prefix: Prefix,
    why: Asked,
    *,
    before: int,
    input: Input,
    baggage: str,
    inputs: list[str],
    deadline_seconds: float | None,
) -> None:
    """Insert a run with these lines of a locked one. inputs: the names of those that were changed."""
    given, defaults = sealed_input(run_id, input)
    params: dict[str, Any] = {
        "id": run_id,
        "origin": origin,
        "lines": [each.id for each in prefix.lines],
        **_sealed_lines(run_id, prefix.lines),
        "status": prefix.status,
        "data": sealed_text(run_id, "data", prefix.notes.data),
        "attributes": prefix.notes.attributes,
        "before": before,
        "input": given,
        "defaults": defaults,
        "baggage": sealed_text(run_id, "baggage", baggage),
        "inputs": inputs,
        "deadline_seconds": deadline_seconds,
    }
    query(_CREATE, params | why._asdict())


def _sealed_lines(run_id: UUID, lines: Sequence[HistoryEntry]) -> dict[str, list[Any]]:
    """Return the parameters for lines that PostgreSQL cannot copy as they are: each is bound to its run."""
    sealing = sealer(run_id)
    told = [] if sealing is None else [(each.id, sealed_entry(each, sealing)) for each in lines]
    return {"sealed_lines": [each for each, _ in told], "sealed_data": [data for _, data in told]}
