"""A worker's proof of life: an advisory lock held by a connection of its own.

When the process dies PostgreSQL frees the lock within milliseconds. The thread here opens the
connection again as soon as it has broken, and keeps the lease of a long drive extended; where it
cannot (the host is frozen, the network cut), the lease runs out. Losing the lock does not prove
death, so the fence alone protects the data: a worker whose session broke takes a new id, and its run
back under it, unless that has gone to another meanwhile.
"""

import contextlib
import math
import os
import select
import socket
import threading
import time

import psycopg
from django.db import OperationalError

from workflows import signals
from workflows.cluster import held_runs, shared
from workflows.cluster.worker_identity import place, session_name
from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.engine.worker_loop import code_here
from workflows.store import workers as store
from workflows.store.database import Connection

LOOK_AFTER_IT_SECONDS = 1.0
TRY_AGAIN_SECONDS = 0.2
"""Between two tries of a worker that has no id."""
SAME_MOMENT_SECONDS = 0.3
"""Two sessions of a process that break within this have one cause."""


class Liveness:
    """The id of this worker process, and the run it drives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Guards the connection and the id; never held while a lease is being extended."""
        self._own: Connection | None = None
        self._id = 0
        self._extending: Connection | None = None
        self._held: ClaimedRun | None = None
        self._claimed_under = 0
        """The id that the held run's row names."""
        self._extended_at = 0.0
        self._broke_at = -math.inf

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
            self._claimed_under = self._id
            return self._id

    def hold(self, run: ClaimedRun | None) -> None:
        """Say which run is being driven; its lease is extended until told otherwise."""
        self._extended_at = time.monotonic()
        self._held = run
        held_runs.hold(run)

    def lose(self) -> None:
        """Give up the id, its lock and the run."""
        with self._lock:
            self._held = None
            held_runs.hold(None)
            self._drop()

    def broke_since(self, moment: float) -> bool:
        """Whether this worker's own session has broken too, since then or just now. Waits for the one
        that breaks a little later."""
        until = time.monotonic() + SAME_MOMENT_SECONDS
        earliest = min(moment, until - 2 * SAME_MOMENT_SECONDS)
        while not (broke := self._is_broken_or_was(earliest)):
            if time.monotonic() > until:
                break
            time.sleep(SAME_MOMENT_SECONDS / 10)
        return broke

    def _is_broken_or_was(self, moment: float) -> bool:
        with self._lock:
            own = self._own
            return own is None or self._is_broken(own) or self._broke_at > moment

    def _renew_if_broken(self) -> None:
        if self._own is not None:
            if not self._is_broken(self._own):
                return
            self._broke_at = time.monotonic()
        self._drop()
        own = store.open_connection()
        host, pid = socket.gethostname(), os.getpid()
        try:
            self._id = store.enlist(
                own,
                host=host,
                pid=pid,
                place=place(),
                cluster_pid=shared.command_pid(),
                session_name=session_name(),
                code=code_here(),
            )
        except psycopg.Error:
            own.close()
            raise
        self._own = own
        signals.worker_came.send_robust(sender=Liveness, worker_id=self._id, host=host, pid=pid)

    def _drop(self) -> None:
        own, self._own = self._own, None
        if own is not None and own is not self._extending:
            own.close()

    def _is_broken(self, own: Connection) -> bool:
        return own.closed or (own is not self._extending and _has_hung_up(own))

    def _look_after(self) -> None:
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
            self._wait(min(LOOK_AFTER_IT_SECONDS, conf().lease_seconds / 3))

    def _wait(self, seconds: float) -> None:
        """Sleep so long at most; a session that breaks wakes at once."""
        own = self._own
        if own is None or own.closed:
            time.sleep(min(seconds, TRY_AGAIN_SECONDS))
            return
        with contextlib.suppress(psycopg.Error):  # given up by the main thread just now
            poll = select.poll()
            poll.register(own.fileno(), select.POLLIN)
            poll.poll(seconds * 1000)

    def _tick(self) -> None:
        with self._lock:
            self._renew_if_broken()
            run, own, worker_id = self._held, self._own, self._id
            if run is None or own is None:
                return
            if worker_id == self._claimed_under and not self._is_time_to_extend():
                return
            self._extending = own
        try:
            store.extend_lease(
                own,
                run_id=run.id,
                attempt=run.attempt,
                worker_id=worker_id,
                lease_seconds=conf().lease_seconds,
            )
            self._claimed_under = worker_id
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


def _has_hung_up(own: Connection) -> bool:
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
