"""A worker's proof of life: an advisory lock held by a connection of its own.

When the process dies PostgreSQL frees the lock within milliseconds. The thread here opens the
connection again when it has broken, and keeps the lease of a long drive extended; where it cannot
(the host is frozen, the connection cut), the lease runs out. Losing the lock does not prove death,
so the fence alone protects the data: a worker whose session broke takes a new id, and what it held
under the old one is free for others.
"""

import os
import select
import socket
import threading
import time

import psycopg
from django.db import OperationalError

from workflows import signals
from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.store import workers as store

LOOK_AFTER_IT_SECONDS = 1.0


class Liveness:
    """The id of this worker process, and the run it drives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Guards the connection and the id; never held while a lease is being extended."""
        self._own: store.Connection | None = None
        self._id = 0
        self._extending: store.Connection | None = None
        self._held: ClaimedRun | None = None
        self._extended_at = 0.0

    def begin(self) -> None:
        """Take an id as soon as the database gives one, and look after it for good."""
        threading.Thread(target=self._look_after, name="liveness", daemon=True).start()

    def worker_id(self) -> int:
        """Return the id under which to claim; its lock is held. Raises OperationalError."""
        with self._lock:
            try:
                self._renew_if_broken()
            except psycopg.Error as exc:
                raise OperationalError(*exc.args) from exc
            return self._id

    def hold(self, run: ClaimedRun | None) -> None:
        """Say which run is being driven; its lease is extended until told otherwise."""
        self._extended_at = time.monotonic()
        self._held = run

    def lose(self) -> None:
        """Give up the id and its lock."""
        with self._lock:
            self._drop()

    def _renew_if_broken(self) -> None:
        if self._own is not None and not self._is_broken(self._own):
            return
        self._drop()
        own = store.open_connection()
        host, pid = socket.gethostname(), os.getpid()
        try:
            self._id = store.enlist(own, host=host, pid=pid)
        except psycopg.Error:
            own.close()
            raise
        self._own = own
        signals.worker_came.send_robust(sender=Liveness, worker_id=self._id, host=host, pid=pid)

    def _drop(self) -> None:
        own, self._own = self._own, None
        if own is not None and own is not self._extending:
            own.close()

    def _is_broken(self, own: store.Connection) -> bool:
        return own.closed or (own is not self._extending and _has_hung_up(own))

    def _look_after(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._tick()
            except psycopg.Error as exc:
                # The pusher says that the database is away; this is said of a run at stake.
                if (held := self._held) is not None:
                    signals.lease_not_extended.send_robust(
                        sender=Liveness, run_id=held.id, error=exc
                    )
            except Exception as exc:
                signals.liveness_failed.send_robust(sender=Liveness, error=exc)
            pause.wait(min(LOOK_AFTER_IT_SECONDS, conf().lease_seconds / 3))

    def _tick(self) -> None:
        with self._lock:
            self._renew_if_broken()
            run, own = self._held, self._own
            if run is None or own is None or not self._is_time_to_extend():
                return
            self._extending = own
        try:
            store.extend_lease(
                own, run_id=run.id, attempt=run.attempt, lease_seconds=conf().lease_seconds
            )
        finally:
            with self._lock:
                self._extending = None
                if own is not self._own:  # given up meanwhile
                    own.close()

    def _is_time_to_extend(self) -> bool:
        now = time.monotonic()
        if now - self._extended_at < conf().lease_seconds / 3:
            return False
        self._extended_at = now
        return True


def _has_hung_up(own: store.Connection) -> bool:
    """Whether the server has closed the session."""
    poll = select.poll()
    poll.register(own.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    # Nothing was asked, yet there is something to read: a farewell, or a notice. Ask.
    try:
        store.answers(own)
    except psycopg.Error:
        return True
    return False
