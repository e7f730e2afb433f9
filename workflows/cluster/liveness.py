"""A worker's proof of life: an advisory lock held by a connection of its own.

When the process dies PostgreSQL frees the lock within milliseconds. The thread here keeps the
lease of a long drive extended; where it cannot (the host is frozen, the connection cut), the lease
runs out. Losing the lock does not prove death, so the fence alone protects the data: a worker whose
session broke takes a new id, and what it held under the old one is free for others.
"""

import logging
import os
import select
import socket
import threading

import psycopg

from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.store import workers as store

logger = logging.getLogger("workflows.cluster")


class Liveness:
    """The id of this worker process, and the run it drives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: store.Connection | None = None
        self._id: int | None = None
        self._held: ClaimedRun | None = None
        self._thread: threading.Thread | None = None

    def worker_id(self) -> int:
        """Return the id under which to claim; its lock is held. Raises OperationalError."""
        with self._lock:
            if self._own is None or self._is_broken(self._own):
                self._renew()
            assert self._id is not None  # noqa: S101 - set by _renew
            return self._id

    def hold(self, run: ClaimedRun | None) -> None:
        """Say which run is being driven; its lease is extended until told otherwise."""
        self._held = run
        if run is not None and self._thread is None:
            self._thread = threading.Thread(target=self._extend, name="lease", daemon=True)
            self._thread.start()

    def lose(self) -> None:
        """Give up the id and its lock."""
        with self._lock:
            self._drop()

    def _renew(self) -> None:
        self._drop()
        own = store.open_connection()
        self._id = store.enlist(own, host=socket.gethostname(), pid=os.getpid())
        self._own = own

    def _drop(self) -> None:
        if self._own is not None:
            self._own.close()
        self._own = None

    @staticmethod
    def _is_broken(own: store.Connection) -> bool:
        # An idle session receives nothing: a readable socket means that the server has hung up.
        return own.closed or bool(select.select([own.fileno()], [], [], 0)[0])

    def _extend(self) -> None:
        pause = threading.Event()
        while not pause.wait(conf().lease_seconds / 3):
            with self._lock:
                run = self._held
                if run is None or self._own is None:
                    continue
                try:
                    store.extend_lease(
                        self._own,
                        run_id=run.id,
                        attempt=run.attempt,
                        lease_seconds=conf().lease_seconds,
                    )
                except psycopg.Error as exc:
                    logger.warning("the lease of run %s was not extended: %s", run.id, exc)
