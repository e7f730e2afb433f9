"""The pusher's view of the queue: waits for the bell, sweeps up after the dead, counts who to call."""

import logging
import os
import select
import time

import psycopg

from workflows import signals
from workflows.cluster import shared
from workflows.conf import conf
from workflows.store import workers as store

logger = logging.getLogger("workflows.cluster")

CALL_AGAIN_SECONDS = 1.0
"""A call that nobody answered by then is lost (its worker was killed on the way): call again."""
PAUSE_WHILE_AWAY_SECONDS = 0.1
"""Between two tries to reach a database that is away."""
FORGET_EVERY_SECONDS = 300.0


class Bell:
    """One per pusher process; its connection never crosses a fork."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._own: tuple[int, store.Connection] | None = None
        self._calls = self._called_at = self._swept_at = self._forgot_at = 0.0
        self._calls_base = 0

    def wait(self) -> int:
        """Return how many workers to call, after at most one poll. Never raises.

        0: nothing is due, everybody is busy, or the database is away.
        """
        try:
            own = self._connection()
            self._sweep(own)
            return self._listen(own)
        except psycopg.Error as exc:
            logger.warning("the database is away: %s", " ".join(str(exc).split()))
            self._drop()
            time.sleep(PAUSE_WHILE_AWAY_SECONDS)
            return 0

    def _listen(self, own: store.Connection) -> int:
        due = store.look_ahead(own, limit=self._workers)
        calls = self._count_calls(due.runs)
        if calls == 0 and not shared.stopping():
            pause = conf().poll_seconds
            if due.runs == 0 and due.next_seconds is not None:
                pause = min(max(due.next_seconds, 0.001), pause)
            self._sleep(own, pause)
        return calls

    def _count_calls(self, due: int) -> int:
        """As many as there are due runs and idle workers, less those who are on their way."""
        idle = self._workers - shared.busy_workers()
        on_their_way = max(0, int(self._calls) - shared.looks())
        if on_their_way and time.monotonic() - self._called_at > CALL_AGAIN_SECONDS:
            self._calls, on_their_way = shared.looks(), 0
        calls = max(0, min(due, idle) - on_their_way)
        if calls:
            self._calls = shared.looks() + on_their_way + calls
            self._called_at = time.monotonic()
        return calls

    def _sleep(self, own: store.Connection, seconds: float) -> None:
        """Wait for the bell, at most so long; ringing that came meanwhile is one ringing."""
        select.select([own.fileno()], [], [], seconds)
        for _ in own.notifies(timeout=0):
            pass

    def _sweep(self, own: store.Connection) -> None:
        now = time.monotonic()
        if now - self._swept_at < conf().poll_seconds:
            return
        self._swept_at = now
        runs = store.sweep(own, max_crashes=conf().max_crashes)
        if runs:
            signals.runs_recovered.send(sender=Bell, runs=runs)
        if now - self._forgot_at > FORGET_EVERY_SECONDS:
            self._forgot_at = now
            store.forget_the_dead(own)

    def _connection(self) -> store.Connection:
        if self._own is None or self._own[0] != os.getpid():
            self._own = (os.getpid(), store.open_connection(listen=True))
        return self._own[1]

    def _drop(self) -> None:
        if self._own is not None and self._own[0] == os.getpid():
            self._own[1].close()
        self._own = None
