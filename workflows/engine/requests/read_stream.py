"""Read outside of any run what its steps emit, while they run and afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.db import connection

from workflows.conf import conf
from workflows.core.chunk import Chunk, Cursor, begin_of, read_cursor
from workflows.core.errors import InvalidInput, RunNotFound
from workflows.core.run import RunId, run_id_of
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine.requests.result import drive_instead, end_of_wait
from workflows.store.chains import newest_of
from workflows.store.stream import read_chunks
from workflows.store.views import get_run
from workflows.store.waiters import Waiter

LOOK_SECONDS = 0.1
"""So often a stream is looked at while chunks come; less often while none do."""
SLOWER = 1.5


class Stream:
    """Iterate over it, with `for` or `async for`: once, from where it stands."""

    def __init__(self, place: Cursor, until: float | None) -> None:
        self._place, self._until = place, until
        self._delay = LOOK_SECONDS
        self._is_over = self._has_more = self._was_helped = False

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            yield from self._look()
            if (delay := self._until_next_look()) is None:
                return
            time.sleep(delay)

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        look = sync_to_async(self._look)
        while True:
            for chunk in await look():
                yield chunk
            if (delay := self._until_next_look()) is None:
                return
            await asyncio.sleep(delay)

    def _look(self) -> list[Chunk]:
        """Return what has come, after a look at the runs that this one went on as."""
        self._has_more = False
        while True:
            seen = read_chunks(self._place)
            if seen is None:
                raise RunNotFound(f"no run {self._place.run_id}: it was pruned meanwhile")
            if seen.chunks:
                self._place = read_cursor(seen.chunks[-1].cursor)
                self._has_more, self._delay = seen.has_more, LOOK_SECONDS
                return seen.chunks
            if not seen.is_over:
                if connection.in_atomic_block and self._helped():
                    continue
                return []
            if seen.continued_as is None:
                self._is_over = True
                return []
            self._place = begin_of(seen.continued_as)

    def _until_next_look(self) -> float | None:
        """Return how long to wait; None: no longer."""
        if self._is_over:
            return None
        if self._has_more:
            return 0.0
        delay = min(self._delay, conf().poll_seconds)
        self._delay = delay * SLOWER
        if self._until is None:
            return delay
        left = self._until - time.monotonic()
        return min(delay, left) if left > 0 else None

    def _helped(self) -> bool:
        """Drive runs, where nobody else can: a test's transaction is seen by nobody. A stream from which
        nothing has come even so is at its end."""
        with Waiter(self._place.run_id) as waiter:
            if waiter.others_see_it:
                return False
        if self._was_helped:
            self._is_over = True
            return False
        drive_instead(
            f"run {self._place.run_id} was started in this transaction, so nobody drives it before the end "
            "of that; read its stream behind the transaction"
        )
        self._was_helped = True
        return True


def read_stream(
    run: RunId, *, after: str | None = None, timeout_seconds: float | None = None
) -> Stream:
    """Iterate over what the run's steps emit (emit), from its begin or behind a chunk, until the run is over.

    Yields Chunks in the order in which they were emitted, those of an attempt that failed or was lost
    included; the first of a further attempt has number 1. after: the cursor of the last chunk that the
    reader has. timeout_seconds: the iteration ends then, though the run goes on; 0: what is there now. A
    run that went on by continue_as_new is followed; the streams of children and forks are their own.

    Looks every 0.1 s while chunks come, up to poll_seconds while none do; a reader keeps the thread that
    iterates, and its database connection; `async for` keeps no thread. Raises RunNotFound; InvalidInput for a
    cursor of another run; PayloadUnreadable where one is encrypted with a key that is not here.
    """
    refuse("calls read_stream()", IN_A_STEP)
    run_id = run_id_of(run)
    place = begin_of(run_id) if after is None else read_cursor(after)
    until = end_of_wait(timeout_seconds)
    get_run(run_id)
    if place.run_id != run_id and newest_of(place.run_id) != newest_of(run_id):
        # Or whoever may send a cursor could read any run's stream.
        raise InvalidInput(f"after is the cursor of a chunk of another run than {run_id}")
    return Stream(place, until)
