"""A worker's proof of life: an advisory lock held by a connection of its own.

When the process dies PostgreSQL frees the lock within milliseconds. The thread here opens the
connection again as soon as it has broken, and keeps the leases of long drives extended, all in one
statement; where it cannot (the host is frozen, the network cut), they run out. Losing the lock does not
prove death, so the fence alone protects the data: a worker whose session broke takes a new id, and its
runs back under it, unless they have gone to another meanwhile.

A drive that must leave its run to others, whoever finds it, gives up the id by which it was claimed. The
other runs of the worker move to its next id before the lock of that one is freed.
"""

import contextlib
import math
import os
import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import psycopg
from django.db import OperationalError

from workflows import signals
from workflows.cluster import held_runs, shared, told_figures
from workflows.cluster.worker_identity import place, session_name
from workflows.conf import conf
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HeldRun
from workflows.engine.served_code import code_here
from workflows.store import lent_connections
from workflows.store import workers as store
from workflows.store.beat_connection import beat_connection
from workflows.store.database import Connection

LOOK_AFTER_IT_SECONDS = 1.0
TRY_AGAIN_SECONDS = 0.2
"""Between two tries of a worker that has no id."""
MOVE_AGAIN_SECONDS = 0.05
"""Between two tries to take a run back whose row somebody has locked just now."""
SAME_MOMENT_SECONDS = 0.3
"""Two sessions of a process that break within this have one cause."""


@dataclass
class Hold:
    """What one thread of the worker holds: a run, or the claim of one."""

    under: int
    """The id that the run's row names."""
    run: ClaimedRun | None = None
    """None: it is being claimed."""
    place: int | None = None
    extended_at: float = 0.0


class Driven(NamedTuple):
    """A hold with its run."""

    hold: Hold
    run: ClaimedRun


class Liveness:
    """The id of this worker process, and the runs it drives: one for each thread that says so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Guards the connection and the id; never held while a lease is being extended."""
        self._own: Connection | None = None
        self._id = 0
        """0: there is none."""
        self._given_up: set[int] = set()
        """Ids of this session under which others of its runs are held."""
        self._extending: Connection | None = None
        self._holds: dict[int, Hold] = {}
        """By thread."""
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
            self._holds[threading.get_ident()] = Hold(self._id)
            return self._id

    def hold(self, run: ClaimedRun | None) -> None:
        """Say which run this thread drives; its lease is extended until told otherwise. None: none, and
        it claims none either."""
        thread = threading.get_ident()
        if run is None:
            self._let_go(thread)
            return
        hold = self._holds.setdefault(thread, Hold(self._id))
        hold.extended_at, hold.place = time.monotonic(), held_runs.hold(run)
        hold.run = run  # from here on it may be extended

    def lose(self) -> None:
        """Give up what this thread holds or has claimed, and the id under which it did."""
        with self._lock:
            lost = self._let_go(threading.get_ident())
            if not self._holds:
                self._drop()
            elif lost is not None and lost.under == self._id:
                self._given_up.add(self._id)
                self._id = 0

    def thread_of(self, run_id: UUID) -> int | None:
        """Return the thread that drives this run; None: none does."""
        found = (
            thread
            for thread, hold in list(self._holds.items())
            if hold.run is not None and hold.run.id == run_id
        )
        return next(found, None)

    def _let_go(self, thread: int) -> Hold | None:
        hold = self._holds.pop(thread, None)
        if hold is not None:
            held_runs.let_go(hold.place)
        return hold

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
                if self._id == 0:
                    self._enlist(self._own)
                return
            self._broke_at = time.monotonic()
        self._drop()
        own = store.open_connection(conf().direct_database)
        try:
            self._enlist(own)
        except psycopg.Error:
            own.close()
            raise
        self._own = own

    def _enlist(self, own: Connection) -> None:
        host, pid = socket.gethostname(), os.getpid()
        self._id = store.enlist(
            own,
            host=host,
            pid=pid,
            place=place(),
            cluster_pid=shared.command_pid(),
            session_name=session_name(),
            code=code_here(),
            slots=conf().slots,
        )
        signals.worker_came.send_robust(sender=Liveness, worker_id=self._id, host=host, pid=pid)

    def _drop(self) -> None:
        own, self._own, self._id = self._own, None, 0
        self._given_up.clear()  # their locks go with the session
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
                for driven in self._driven():
                    signals.lease_not_extended.send_robust(
                        sender=Liveness, run_id=driven.run.id, error=exc
                    )
            except Exception as exc:
                signals.liveness_failed.send_robust(sender=Liveness, error=exc)
            self.close_what_is_idle()
            self._wait(min(self._pause(), conf().lease_seconds / 3))

    def _pause(self) -> float:
        """Return for how long nothing needs to be looked after."""
        moving = any(driven.hold.under != self._id for driven in self._driven())
        return MOVE_AGAIN_SECONDS if moving or self._given_up else LOOK_AFTER_IT_SECONDS

    def close_what_is_idle(self) -> None:
        """Close the connections of this process that nobody has needed for a while; with one slot, not
        that of a drive under way, which the steps of a drive share."""
        if conf().slots > 1 or not self._driven():
            lent_connections.close_idle()
        beat_connection.close_idle()

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
            own, worker_id = self._own, self._id
            due = [each for each in self._driven() if self._is_to_be_extended(each)]
            if own is None:
                return
            if not due and not told_figures.are_due():
                self._free_ids(own)
                return
            self._extending = own
        try:
            if due:
                self._extend(own, worker_id, due)
            if told_figures.are_due():
                told_figures.flush(own)
        finally:
            with self._lock:
                self._extending = None
                if own is not self._own:  # given up meanwhile
                    own.close()
                elif self._given_up:
                    self._free_ids(own)

    def _driven(self) -> list[Driven]:
        """Return the runs that are driven now."""
        return [
            Driven(hold, hold.run) for hold in list(self._holds.values()) if hold.run is not None
        ]

    def _is_to_be_extended(self, driven: Driven) -> bool:
        since = time.monotonic() - driven.hold.extended_at
        return driven.hold.under != self._id or since >= conf().lease_seconds / 3

    def _extend(self, own: Connection, worker_id: int, due: list[Driven]) -> None:
        now = time.monotonic()
        extended = store.extend_leases(
            own,
            [HeldRun(each.run.id, each.run.attempt) for each in due],
            worker_id=worker_id,
            lease_seconds=conf().lease_seconds,
        )
        for hold, run in due:
            if run.id in extended:
                hold.under, hold.extended_at = worker_id, now

    def _free_ids(self, own: Connection) -> None:
        """Free the locks of ids that were given up and that no run here is held under any more: what
        was left under them goes to others."""
        needed = {hold.under for hold in list(self._holds.values())}
        for worker_id in self._given_up - needed:
            store.give_up_id(own, worker_id)
            self._given_up.discard(worker_id)


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
