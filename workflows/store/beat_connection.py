"""The connection on which the steps of this process send their heartbeats: one for all of them.

A heartbeat is seen at once, also where its step is in the midst of a transaction.
"""

import os
import threading
from collections import Counter
from time import monotonic

from django.db import DEFAULT_DB_ALIAS

from workflows.store import lent_connections
from workflows.store.database import Connection
from workflows.store.workers import open_connection


class BeatConnection:
    """Open while a step sends heartbeats; in a worker, for a while beyond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: Connection | None = None
        self._users: Counter[Connection] = Counter()
        """Of those that were dropped too, which are closed behind the last of them."""
        self._unused_since = 0.0

    def join(self, alias: str = DEFAULT_DB_ALIAS) -> Connection:
        """Return it, opened where there is none or it has broken; `leave` follows. alias: of the
        database in Django's settings. Raises psycopg.Error."""
        with self._lock:
            if self._own is None or self._own.closed:
                self._own = open_connection(alias)
            self._users[self._own] += 1
            return self._own

    def leave(self, own: Connection) -> None:
        """A step that has joined sends no more."""
        with self._lock:
            self._users[own] -= 1
            is_last = self._users[own] <= 0
            if is_last:
                del self._users[own]
            dropped = own is not self._own
            self._unused_since = monotonic()
        if dropped and is_last:
            own.close()
        if not lent_connections.is_lending():
            self.close_idle(0.0)

    def drop(self, own: Connection) -> None:
        """A statement on it was broken off, and may be under way still: who comes from now on is given
        another."""
        with self._lock:
            if own is self._own:
                self._own = None

    def close_idle(self, seconds: float = lent_connections.IDLE_SECONDS) -> None:
        """Close it where no step has used it for so long."""
        with self._lock:
            own = self._own
            if own is None or self._users[own] > 0 or monotonic() - self._unused_since < seconds:
                return
            self._own = None
        own.close()

    def forget(self) -> None:
        """Begin anew in a child of this process: the socket is the parent's."""
        _inherited.append(self._own)
        self._lock, self._own = threading.Lock(), None
        _inherited.extend(self._users)
        self._users = Counter()


_inherited: list[Connection | None] = []
beat_connection = BeatConnection()
os.register_at_fork(after_in_child=beat_connection.forget)
