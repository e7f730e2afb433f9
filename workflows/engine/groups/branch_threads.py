"""Threads of one group of steps: each takes one branch after the other, on one connection."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

from workflows.engine.attempts.ends import Ends
from workflows.engine.attempts.time_limit import Limit
from workflows.store import lent_connections

Key = TypeVar("Key")
End = TypeVar("End")


class Threads(Ends[Key, End]):
    """Run attempts at once and hand on how each ended, in the order of the ends.

    As many threads are started as there are attempts at a time. A connection that a step takes in one
    of them goes back to the worker's pool at its end; where there is no pool, it serves the next branch
    as well, and is closed with the thread. What is only expected, because it runs on the event loop,
    takes none.
    """

    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        """Run each at once where it begins: inside a test's transaction, which no thread sees."""
        self._attempts: queue.SimpleQueue[tuple[Key, Callable[[], End]] | None] = (
            queue.SimpleQueue()
        )
        self._in_threads: set[Key] = set()
        self._threads: list[threading.Thread] = []

    def begin(self, key: Key, limit: Limit, attempt: Callable[[], End]) -> None:
        """Begin an attempt. It must not raise."""
        self.expect(key, limit)
        self._in_threads.add(key)
        if self.in_place or not self._has_room():
            self.put(key, attempt())
        else:
            self._attempts.put((key, attempt))

    def next(self) -> tuple[Key, End] | None:
        """Wait for the next end; None: a branch is stuck beyond its limit and its grace."""
        ended = super().next()
        if ended is not None:
            self._in_threads.discard(ended[0])
        return ended

    def _has_room(self) -> bool:
        """Start a thread more where all are busy. False: the machine has no room for it."""
        needed = len(self._in_threads)
        if needed <= len(self._threads):
            return True
        thread = threading.Thread(target=self._serve, name=f"branch thread {needed}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # "can't start new thread": no fault of the workflow's
            return False
        self._threads.append(thread)
        return True

    def close(self) -> None:
        """Let the threads end; wait for it, unless an attempt is still under way: then the
        process is about to end."""
        super().close()
        for _ in self._threads:
            self._attempts.put(None)
        if not self.busy:
            for thread in self._threads:
                thread.join()  # its connection is closed then

    def _serve(self) -> None:
        lent_connections.borrow_here()
        while (given := self._attempts.get()) is not None:
            key, attempt = given
            end = attempt()
            lent_connections.let_go()
            self.put(key, end)
        connections.close_all()
