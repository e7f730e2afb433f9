"""Chunks: what a step emits while it runs, and where each stands in its run's stream."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.errors import InvalidInput

OVERHEAD_BYTES = 64
"""Counted of each chunk besides its JSON: about what its row takes."""


class Cursor(NamedTuple):
    """A place in a stream: behind this chunk."""

    run_id: UUID
    attempt: int
    """Of the run: how many times it had been claimed."""
    sequence: int
    """Of all that the run emitted in that attempt, from 1."""

    def __str__(self) -> str:
        return f"{self.run_id}:{self.attempt}:{self.sequence}"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What a step emitted, as a reader gets it."""

    value: Any
    """A JSON value."""
    cursor: str
    """Hand it to read_stream(after=…) to go on behind this chunk."""
    run_id: UUID
    step: str
    """The name of the step."""
    position: int
    """Where in the run the step stands; two branches of a gather differ in it."""
    attempt: int
    """Of the step, from 1, as current_step() tells it."""
    number: int
    """From 1 in each attempt. 1: the step begins anew, and what it emitted before counts no more."""
    undo: bool
    """The step was being compensated."""
    at: datetime
    """When it was written."""


class NewChunk(NamedTuple):
    """A chunk that is to be written."""

    sequence: int
    step: str
    position: int
    step_attempt: int
    number: int
    undo: bool
    text: str
    """JSON."""


def begin_of(run_id: UUID) -> Cursor:
    """Return the place before all chunks of a run."""
    return Cursor(run_id, 0, 0)


def read_cursor(text: str) -> Cursor:
    """Return the place that a chunk's cursor names. Raises InvalidInput."""
    try:
        run_id, attempt, sequence = text.split(":")
        return Cursor(UUID(run_id), _count(attempt), _count(sequence))
    except (AttributeError, TypeError, ValueError):
        raise InvalidInput(
            f"after is {text!r:.80}; give the cursor of a chunk, or None for all of the stream"
        ) from None


def newest_tries(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return what counts in the end: of each step what its newest attempt emitted, in that order."""
    known = list(chunks)
    began = {_step_of(chunk): place for place, chunk in enumerate(known) if chunk.number == 1}
    return [chunk for place, chunk in enumerate(known) if place >= began.get(_step_of(chunk), 0)]


def _step_of(chunk: Chunk) -> tuple[UUID, int, bool]:
    return chunk.run_id, chunk.position, chunk.undo


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise ValueError(text)
    return number
