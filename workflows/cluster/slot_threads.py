"""The slots of a worker that drives several runs at a time, a thread for each.

The main thread answers django-q2's call, and stays with it for as long as a slot is busy: so a stop waits
for the drives, and nobody who drives waits at django-q2's queue, whose lock would stay locked if he died
there. Further calls reach it through shared memory's pipe.
"""

import os
import queue
import select
import threading
import time
from collections.abc import Callable

from django.db import connections

from workflows.cluster import shared

NAP_SECONDS = 10.0
"""A thread that has nothing to do for so long ends, and its connections with it."""
DRAIN_SECONDS = 60.0
"""So long a worker that must end waits for the drives in its other slots."""
LOOK_SECONDS = 1.0


class _Slot:
    """A thread that waits to be called."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.thread: threading.Thread | None = None


class Slots:
    """The slots of this process. work: looks at the queue and drives until nothing is due; it raises
    SystemExit where the process must end, and nothing else."""

    def __init__(self, size: int, work: Callable[[], object]) -> None:
        self._size, self._work = size, work
        self._lock = threading.Lock()
        self._busy: set[_Slot] = set()
        self._idle: list[_Slot] = []
        """Who was busy last is called first: its connection is open, and the others may end."""
        self._lost: set[int] = set()
        """Threads whose runs were taken from them: nobody waits for these."""
        self._ends_by: float | None = None
        """By this host's monotonic clock; None: the process goes on."""
        self._ended, self._tell = os.pipe()
        for end in (self._ended, self._tell):
            os.set_blocking(end, False)

    @property
    def retiring(self) -> bool:
        """Whether this process ends as soon as its drives have ended."""
        return self._ends_by is not None

    def serve(self) -> None:
        """Answer a call, and those that come while a slot is busy. Raises SystemExit once the process
        must end and its drives have, or have had their time."""
        self._begin(1)
        while self._waited_for():
            free = 0 if self.retiring else self._size - len(self._busy)
            self._wait(shared.called() if free else None)
            self._begin(shared.take_calls(free) if free else 0)
        if self.retiring:
            raise SystemExit(0)

    def retire(self, lost: int | None = None) -> None:
        """Begin no drive any more, and end the process. lost: the thread of a drive that may never end."""
        with self._lock:
            if lost is not None:
                self._lost.add(lost)
            if self._ends_by is None:
                self._ends_by = time.monotonic() + DRAIN_SECONDS
        self._wake()

    def _waited_for(self) -> bool:
        with self._lock:
            if self._ends_by is None:
                return bool(self._busy)
            self._tell_busy()
            late = time.monotonic() > self._ends_by
            return not late and any(
                slot.thread is None or slot.thread.ident not in self._lost for slot in self._busy
            )

    def _wait(self, called: int | None) -> None:
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        if called is not None:
            poll.register(called, select.POLLIN)
        poll.poll(LOOK_SECONDS * 1000)
        try:
            os.read(self._ended, 4096)
        except BlockingIOError:
            return

    def _wake(self) -> None:
        try:
            os.write(self._tell, b".")
        except BlockingIOError:  # full: it is awake
            return

    def _begin(self, times: int) -> None:
        for _ in range(times):
            with self._lock:
                slot = self._idle.pop() if self._idle else _Slot()
                self._busy.add(slot)
                self._tell_busy()
            slot.calls.put(None)
            if slot.thread is None:
                self._start(slot)

    def _tell_busy(self) -> None:
        # Nobody is to call a process that ends.
        shared.set_busy(self._size if self.retiring else len(self._busy))

    def _start(self, slot: _Slot) -> None:
        slot.thread = threading.Thread(target=self._answer, args=[slot], name="slot", daemon=True)
        try:
            slot.thread.start()
        except (
            RuntimeError
        ):  # "can't start new thread": it is done here, and the thread tried again
            slot.thread = None
            slot.calls.get()
            self._drive(slot)

    def _answer(self, slot: _Slot) -> None:
        while self._is_called(slot):
            self._drive(slot)
        connections.close_all()

    def _is_called(self, slot: _Slot) -> bool:
        """Wait for the next call. False: none came, and none will."""
        while True:
            try:
                slot.calls.get(timeout=NAP_SECONDS)
            except queue.Empty:
                with self._lock:
                    if slot not in self._idle:
                        continue  # it is on its way
                    self._idle.remove(slot)
                    return False
            return True

    def _drive(self, slot: _Slot) -> None:
        try:
            self._work()
        except SystemExit:
            self.retire()
        with self._lock:
            was_full = len(self._busy) == self._size
            self._busy.discard(slot)
            self._idle.append(slot)
            self._tell_busy()
            changes = was_full or not self._busy or self.retiring
        if changes:
            self._wake()
