"""The plain functions that async steps call by sync_to_async, Django's ORM among them.

They run in the drive's thread, on its connection, one after the other, as those of a plain step do: a
step opens no connection of its own, and inside a test's transaction it sees what the test has written.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import Context
from typing import Any, Protocol, TypeVar

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from workflows.engine.attempts.ends import Ends
from workflows.engine.attempts.open_transactions import OpenWork, drop_broken_connection
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached, call_within
from workflows.engine.session.session import Session

R = TypeVar("R")


class Stoppable(Protocol):
    """The attempt of whose step these are parts."""

    def stop(self, why: BaseException) -> None:
        """Cancel it."""


class SyncParts(Executor):
    """Where asgiref hands the plain functions of one attempt."""

    def __init__(
        self, session: Session, attempt: Stoppable, limit: Limit, ends: Ends[Any, Any]
    ) -> None:
        self.session, self.attempt, self.limit, self._ends = session, attempt, limit, ends

    def serve(self, context: Context) -> None:
        """Be the one for all that runs in this context."""
        key = ThreadSensitiveContext()
        # What asgiref itself does at the first call, with a thread of its own.
        SyncToAsync.context_to_thread_executor[key] = self
        context.run(SyncToAsync.thread_sensitive_context.set, key)

    def submit(self, function: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Have the function called in the drive's thread."""
        part = _Part(self, lambda: function(*args, **kwargs))
        self._ends.ask(part)
        return part.future


class _Part:
    """One call."""

    def __init__(self, parts: SyncParts, call: Callable[[], Any]) -> None:
        self._parts, self._call = parts, call
        self.future: Future[Any] = Future()

    def do(self) -> None:
        """Call the function. Raises what ends the drive."""
        if not self.future.set_running_or_notify_cancel():
            return
        drop_broken_connection()
        before = OpenWork.now()
        try:
            result = call_within(self._parts.limit, self._call)
            before.compare()
            drop_broken_connection()  # it may have swallowed its loss
        except BaseException as exc:
            self._fail(exc, before)
        else:
            self.future.set_result(result)

    def refuse(self) -> None:
        """The attempt is over."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(
                RuntimeError(
                    "the step has ended: what it has left running cannot call plain functions any "
                    "more; await everything that a step begins"
                )
            )

    def _fail(self, exc: BaseException, before: OpenWork) -> None:
        told: BaseException = asyncio.CancelledError()
        try:
            if isinstance(exc, TimeLimitReached):
                self._parts.attempt.stop(exc)
            elif isinstance(exc, KeyboardInterrupt):
                raise exc
            else:
                # asyncio takes no StopIteration, and would wait for ever.
                told = RuntimeError(repr(exc)) if isinstance(exc, StopIteration) else exc
            with self._parts.session.guarded():
                before.restore()
        except BaseException:  # the drive ends here
            told = asyncio.CancelledError()
            raise
        finally:
            self.future.set_exception(told)
