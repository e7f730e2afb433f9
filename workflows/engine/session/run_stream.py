"""What one drive has emitted: numbered, counted, and waiting to be written."""

import os
from collections import deque
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from workflows.core.chunk import OVERHEAD_BYTES, NewChunk
from workflows.core.states import RunState


class RunStream:
    """Belongs to one drive; its steps share it. Who changes it holds the writer's lock."""

    __slots__ = ("attempt", "bytes", "held", "is_counted", "pid", "run_id", "sequence", "waiting")

    def __init__(self, run_id: UUID, attempt: int) -> None:
        self.run_id, self.attempt = run_id, attempt
        self.pid = os.getpid()
        """A child of this process has no part in it."""
        self.sequence = 0
        """Of the last chunk."""
        self.bytes = 0
        """What the run has emitted in all, as far as `is_counted`."""
        self.is_counted = attempt <= 1
        """What it emitted in the attempts before is in `bytes`."""
        self.held: RunState | None = RunState.RUNNING
        """The state in which the run was held when the last chunks were written; None: by others."""
        self.waiting: deque[NewChunk] = deque()
        """What is not written yet, in its order."""

    def add(self, chunk: NewChunk, size: int) -> None:
        """Take a chunk in."""
        self.waiting.append(chunk)
        self.sequence = chunk.sequence
        self.bytes += size + OVERHEAD_BYTES

    def first(self, most: int) -> Sequence[NewChunk]:
        """Return the next chunks that are to be written; they stay until `forget`."""
        return list(islice(self.waiting, most))

    def forget(self, until: int) -> int:
        """Wait no more for the chunks up to this one. Returns how many did."""
        forgotten = 0
        while self.waiting and self.waiting[0].sequence <= until:
            self.waiting.popleft()
            forgotten += 1
        return forgotten
