"""One attempt of an async step: a task on the event loop, and what it asks of the drive's thread.

A time limit cancels the task, again every second until it has ended. One that goes on in spite of that is
given up like a step that is stuck in C code: by whoever waits for it (see Ends.next).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError

from workflows.core.unwind import Abandoned, StepStopped
from workflows.engine.attempts.begin_attempt import (
    Raised,
    Returned,
    begin_attempt,
    claim_only_attempt,
    raised,
)
from workflows.engine.attempts.ends import Ends
from workflows.engine.attempts.event_loop import event_loop
from workflows.engine.attempts.open_transactions import drop_broken_connection
from workflows.engine.attempts.running_step import Running, enter_apart, leave_apart
from workflows.engine.attempts.step_job import Job
from workflows.engine.attempts.sync_parts import SyncParts
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached
from workflows.engine.session.own_context import own_context
from workflows.engine.session.session import Session
from workflows.store import runs as runs_store

Key = TypeVar("Key")
AsyncEnd = Returned | Raised | BaseException
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""So often an async step that stops on cancel is looked after."""


def perform_async(session: Session, job: Job, limit: Limit) -> Returned | Raised:
    """Run an async step once, and wait for its end. Raises what ends the drive."""
    ends: Ends[None, AsyncEnd] = Ends()
    try:
        begin_async(session, job, limit, ends, None)
        ended = ends.next()
    finally:
        ends.close()
    if ended is None:
        session.process_must_end = True
        raise session.unwind(Abandoned())
    _, end = ended
    if isinstance(end, BaseException):
        raise end
    return end


def begin_async(session: Session, job: Job, limit: Limit, ends: Ends[Key, Any], key: Key) -> None:
    """Begin an attempt of an async step, in the drive's thread; the ends are told how it ended."""
    ends.expect(key, limit)
    running = begin_attempt(session, job, limit)
    if isinstance(running, Raised):
        ends.put(key, running)
        return
    try:
        if job.step.at_most_once:
            claim_only_attempt(session, job)
        attempt = AsyncAttempt(session, job, running, ends, lambda end: ends.put(key, end))
    except BaseException as exc:
        ends.put(key, _end(session, running, exc))
        return
    ends.expect(key, limit, stop=lambda: attempt.stop(asyncio.CancelledError()))
    attempt.begin()


def _end(session: Session, running: Running, exc: BaseException) -> AsyncEnd:
    try:
        return raised(session, running, exc)
    except BaseException as ends_drive:
        return ends_drive


class AsyncAttempt:
    """Made in the drive's thread; from `begin` on it lives in the loop's."""

    def __init__(
        self,
        session: Session,
        job: Job,
        running: Running,
        ends: Ends[Any, Any],
        hand_on: Callable[[AsyncEnd], None],
    ) -> None:
        self._session, self._running, self._hand_on = session, running, hand_on
        self._ends, self._loop = ends, event_loop()
        self._function: Callable[[], Awaitable[Any]] = job.bound()
        self._context = own_context()
        SyncParts(session, self, running.limit, ends).serve(self._context)
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end: Returned | BaseException = asyncio.CancelledError()
        self._stopped: BaseException | None = None
        """Why it was cancelled."""
        self._beat_waits = False

    def begin(self) -> None:
        """Let it run."""
        self._running.on_loop = self
        enter_apart(self._running, self._context)
        self._loop.call_soon_threadsafe(self._start)

    def stop(self, why: BaseException) -> None:
        """Cancel it; whatever it makes of that, this is how it has ended. Called in any thread."""
        self._loop.call_soon_threadsafe(self._cancel, why)

    def send_beat(self, send: Callable[[], BaseException | None]) -> None:
        """Have its last heartbeat sent by the drive's thread. While one is on its way, further ones
        travel with it. Raises why the attempt must end where this is that thread."""
        if self._ends.is_here:
            if (why := send()) is not None:
                raise why
        elif not self._beat_waits:
            self._beat_waits = True
            self._ends.ask(_Beat(self, send))

    def beat(self, send: Callable[[], BaseException | None]) -> None:
        """Send its last heartbeat, in the drive's thread."""
        self._beat_waits = False
        if (why := send()) is not None:
            self.stop(why)

    def look(self) -> None:
        """See whether the run was cancelled, in the drive's thread."""
        with suppress(DatabaseError, InterfaceError):
            held = runs_store.look(self._session.run)
            if (why := self._running.why_stop(held and held[0])) is not None:
                self.stop(why)
        drop_broken_connection()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run(), context=self._context)
        self._task.add_done_callback(self._ended)
        if not self._running.limit.is_none:
            self._watch()
        if self._running.stops_on_cancel:
            self._look_again()

    async def _run(self) -> None:
        began = time.monotonic()
        try:
            self._end = Returned(self._running, await self._function())
        except BaseException as exc:  # SystemExit too: out of a task it would end the loop
            self._end = exc
        self._running.seconds = time.monotonic() - began

    def _watch(self) -> None:
        left = self._running.limit.left()
        if left <= 0:
            self._cancel(TimeLimitReached())
            left = AGAIN_SECONDS
        self._timer = self._loop.call_later(left, self._watch)

    def _look_again(self) -> None:
        """Once the task is cancelled, it may clean up for as long as it likes."""
        if self._task is not None and not self._task.done() and self._stopped is None:
            self._ends.ask(_Look(self))
            self._loop.call_later(LOOK_SECONDS, self._look_again)

    def _cancel(self, why: BaseException) -> None:
        if self._task is not None and not self._task.done():
            self._stopped = self._stopped or why
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        leave_apart(self._running)
        end = self._stopped or self._end
        if isinstance(end, StepStopped) and isinstance(self._end, Returned):
            end = self._end  # the cancel came too late for it
        self._hand_on(
            _end(self._session, self._running, end) if isinstance(end, BaseException) else end
        )


class _Look:
    """The drive's thread is to see whether the run was cancelled."""

    def __init__(self, attempt: AsyncAttempt) -> None:
        self._attempt = attempt

    def do(self) -> None:
        """Look."""
        self._attempt.look()

    def refuse(self) -> None:
        """The attempt is over."""


class _Beat:
    """A heartbeat that the drive's thread is to send."""

    def __init__(self, attempt: AsyncAttempt, send: Callable[[], BaseException | None]) -> None:
        self._attempt, self._send = attempt, send

    def do(self) -> None:
        """Send it."""
        self._attempt.beat(self._send)

    def refuse(self) -> None:
        """The attempt is over."""
