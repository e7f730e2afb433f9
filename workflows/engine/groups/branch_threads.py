"""Threads of one group of steps: each takes one branch after the other, on one connection."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection

from workflows.engine.attempts.time_limit import GRACE_SECONDS, Limit

Key = TypeVar("Key")
End = TypeVar("End")


class Threads(Generic[Key, End]):
    """Run attempts at once and hand on how each ended, in the order of the ends.

    As many threads are started as there are attempts at a time. A connection that a step opens in
    one of them serves the next branch as well, and is closed with the thread.
    """

    def __init__(self, *, in_place: bool) -> None:
        self._in_place = in_place
        """Run each at once where it begins: inside a test's transaction, which no thread sees."""
        self._attempts: queue.SimpleQueue[tuple[Key, Callable[[], End]] | None] = (
            queue.SimpleQueue()
        )
        self._ends: queue.SimpleQueue[tuple[Key, End]] = queue.SimpleQueue()
        self._limits: dict[Key, Limit] = {}
        self._threads: list[threading.Thread] = []

    @property
    def busy(self) -> int:
        """How many attempts have begun whose ends nobody has taken."""
        return len(self._limits)

    def begin(self, key: Key, limit: Limit, attempt: Callable[[], End]) -> None:
        """Begin an attempt. It must not raise."""
        self._limits[key] = limit
        if self._in_place or not self._has_room():
            self._ends.put((key, attempt()))
        else:
            self._attempts.put((key, attempt))

    def _has_room(self) -> bool:
        """Start a thread more where all are busy. False: the machine has no room for it."""
        if self.busy <= len(self._threads):
            return True
        thread = threading.Thread(
            target=self._serve, name=f"branch thread {self.busy}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # "can't start new thread": no fault of the workflow's
            return False
        self._threads.append(thread)
        return True

    def next(self) -> tuple[Key, End] | None:
        """Wait for the next end; None: a branch is stuck beyond its limit and its grace."""
        while True:
            left = min(limit.left() for limit in self._limits.values()) + GRACE_SECONDS
            if left <= 0:
                return None
            try:
                key, end = self._ends.get(timeout=None if left == float("inf") else left)
            except queue.Empty:
                continue
            del self._limits[key]
            return key, end

    def close(self) -> None:
        """Let the threads end; wait for it, unless an attempt is still under way: then the
        process is about to end."""
        for _ in self._threads:
            self._attempts.put(None)
        if not self.busy:
            for thread in self._threads:
                thread.join()  # its connection is closed then

    def _serve(self) -> None:
        while (given := self._attempts.get()) is not None:
            key, attempt = given
            self._ends.put((key, attempt()))
        connection.close()
