"""Streams: chunks are written many at a time, for whoever drives their runs, and read behind a place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.chunk import OVERHEAD_BYTES, Chunk, Cursor, NewChunk
from workflows.core.codec import loads
from workflows.core.states import FINAL_STATES, HELD_STATES, RunState
from workflows.store.database import Connection, query
from workflows.store.sealing import CHUNK, Opener, place_of_chunk, sealed_text
from workflows.store.statement import NOW, Statement, one_of

READ_AT_ONCE = 200

_COLUMNS = (
    *("runs", "attempts", "sequences", "steps", "positions", "step_attempts", "numbers"),
    *("undos", "texts"),
)
"""A drive and the fields of a NewChunk, in their order."""
Drive = tuple[UUID, int]
"""A run and the attempt in which it is driven."""

# Who has lost his run writes nothing. The row is read, not locked: a claim that comes in the same moment
# leaves chunks of the attempt before behind, which no reader of the new one's is shown any more.
# Written once, though sent again where the answer got lost.
_APPEND = Statement(
    f"""
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest(%(runs)s::uuid[], %(attempts)s::integer[], %(sequences)s::integer[],
                             %(steps)s::text[], %(positions)s::integer[], %(step_attempts)s::integer[],
                             %(numbers)s::integer[], %(undos)s::boolean[], %(texts)s::text[])
            AS chunk (run_id, attempt, sequence, step, position, step_attempt, number, undo, value)),
    held AS MATERIALIZED (
        SELECT id, attempt, state FROM workflows_run
        WHERE id = ANY(%(distinct)s::uuid[]) AND state IN {one_of(HELD_STATES)}),
    written AS (
        INSERT INTO workflows_chunk
            (run_id, attempt, sequence, step, position, step_attempt, number, undo, value, at)
        SELECT run_id, new.attempt, sequence, step, position, step_attempt, number, undo,
               value::jsonb, {NOW}
        FROM new JOIN held ON held.id = new.run_id AND held.attempt = new.attempt
        ON CONFLICT DO NOTHING)
    SELECT id, attempt, state FROM held
    """
)
_BYTES = Statement(
    f"""
    SELECT coalesce(sum(octet_length(value::text) + {OVERHEAD_BYTES}), 0) FROM workflows_chunk
    WHERE run_id = %(run)s AND attempt < %(attempt)s
    """
)
# The run's state and its chunks at one moment: of a run that is over, none is still to come.
_READ = Statement(
    f"""
    SELECT run.state IN {one_of(FINAL_STATES)}, run.continued_as, chunk.attempt, chunk.sequence, step,
           position, step_attempt, number, undo, chunk.value::text, chunk.at
    FROM workflows_run AS run LEFT JOIN LATERAL (
        SELECT * FROM workflows_chunk
        WHERE run_id = run.id AND (attempt, sequence) > (%(attempt)s, %(sequence)s)
        ORDER BY attempt, sequence LIMIT {READ_AT_ONCE}) AS chunk ON true
    WHERE run.id = %(run)s
    """
)
_OF_RUNS = Statement(
    """
    SELECT run_id, attempt, sequence, step, position, step_attempt, number, undo, value::text, at
    FROM workflows_chunk WHERE run_id = ANY(%(runs)s) ORDER BY run_id, attempt, sequence
    """
)


class Seen(NamedTuple):
    """What there is behind a place in a stream."""

    chunks: list[Chunk]
    has_more: bool
    """There are further ones already."""
    is_over: bool
    """Its run has ended: nothing more is written."""
    continued_as: UUID | None
    """The run as which it went on."""


def append_chunks(
    chunks: Mapping[Drive, Sequence[NewChunk]], on: Connection | None = None
) -> dict[Drive, RunState]:
    """Write these chunks. Returns the states of the runs that are held still in those attempts; of the others
    nothing was written."""
    rows = [
        (*drive, *_sealed(drive, chunk)) for drive, several in chunks.items() for chunk in several
    ]
    columns = dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    params = {**columns, "distinct": [run_id for run_id, _ in chunks]}
    return {
        (run_id, attempt): RunState(state)
        for run_id, attempt, state in query(_APPEND, params, on=on)
    }


def emitted_bytes(drive: Drive, on: Connection | None = None) -> int:
    """Return how much the run has emitted in the attempts before this one, as it is stored."""
    run_id, attempt = drive
    [[found]] = query(_BYTES, {"run": run_id, "attempt": attempt}, on=on)
    return int(found)


def read_chunks(place: Cursor) -> Seen | None:
    """Return the next chunks behind a place; None: its run is gone. Raises PayloadUnreadable."""
    params = {"run": place.run_id, "attempt": place.attempt, "sequence": place.sequence}
    rows = query(_READ, params)
    if not rows:
        return None
    is_over, continued_as = rows[0][:2]
    opener = Opener(place.run_id, raises=True)
    chunks = [_chunk(place.run_id, row[2:], opener) for row in rows if row[2] is not None]
    return Seen(chunks, len(chunks) == READ_AT_ONCE, is_over, continued_as)


def load_chunks(run_ids: Iterable[UUID]) -> dict[UUID, list[Chunk]]:
    """Return all that these runs emitted, by run, as it is stored: what is encrypted stays so."""
    found: dict[UUID, list[Chunk]] = {}
    for run_id, *rest in query(_OF_RUNS, {"runs": list(run_ids)}):
        found.setdefault(run_id, []).append(_chunk(run_id, rest))
    return found


def _sealed(drive: Drive, chunk: NewChunk) -> NewChunk:
    """Return a chunk whose text is as it is stored. It is bound to its run: the next of the chain has
    chunks of its own."""
    run_id, attempt = drive
    sealed = sealed_text(run_id, CHUNK, chunk.text, place_of_chunk(attempt, chunk.sequence))
    return chunk if sealed is None else chunk._replace(text=sealed)


def _chunk(run_id: UUID, row: Sequence[Any], opener: Opener | None = None) -> Chunk:
    attempt, sequence, step, position, step_attempt, number, undo, text, at = row
    value = loads(text)
    if opener is not None:
        value = opener.value(value, CHUNK, place_of_chunk(attempt, sequence))
    return Chunk(
        value=value,
        cursor=str(Cursor(run_id, attempt, sequence)),
        run_id=run_id,
        step=step,
        position=position,
        attempt=step_attempt,
        number=number,
        undo=undo,
        at=at,
    )
