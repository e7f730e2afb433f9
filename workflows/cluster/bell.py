"""The pusher's view of the queue: waits for the bell, does the chores, counts who to call."""

import os
import select
import time
from typing import NamedTuple

import psycopg

from workflows import signals
from workflows.cluster import shared
from workflows.cluster.chores import CHORES, Chores
from workflows.cluster.database_watch import DatabaseWatch
from workflows.cluster.schedule_chore import starting
from workflows.cluster.worker_calls import Calls
from workflows.conf import conf
from workflows.engine.served_code import code_here
from workflows.store import queue, workers as store
from workflows.store.database import Connection
from workflows.store.schema import RUNG_FOR_SCHEDULES

LONGEST_NAP_SECONDS = 1.0
"""A run that parks for less than this rings the bell; for longer, it trusts in the next look."""
SHORTEST_NAP_SECONDS = 0.001
PAUSE_WHILE_STOPPING_SECONDS = 0.02
PAUSE_WHILE_AWAY_SECONDS = 0.1
"""Between two tries to reach a database that is away."""
PAUSE_AFTER_A_FAULT_SECONDS = 0.5
SAY_AGAIN_SECONDS = 30.0
OTHER_CAUSE_AFTER_SECONDS = 5.0
"""Why the database is away is said again so soon where it has changed: cut, then no room to come back. A
mere restart goes through several causes within less."""


class Workers(NamedTuple):
    """What the pusher goes by: it naps until one of these changes."""

    looks: int
    busy: int
    """So many slots are."""


class Bell:
    """One per pusher process; its connection never crosses a fork."""

    def __init__(self, workers: int, slots: int = 1) -> None:
        self._slots = workers * slots
        self._own: tuple[int, Connection] | None = None
        self._calls = Calls(workers, slots)
        self._rung = False
        self._chores = Chores(CHORES)
        self._complained_at: float | None = None
        self._complained_of = ""
        self._watch = DatabaseWatch()

    def wait(self) -> int:
        """Return how many idle workers to call, after one nap at most. Never raises. Those that are busy,
        and have slots free, are called here.

        0: nothing is due, nobody is idle, or the database is away.
        """
        self._watch.begin()
        try:
            own = self._connection()
            self._chores.do_what_is_due(own, self._watch)
            calls = self._listen(own)
        except psycopg.Error as exc:
            self._drop()
            return self._nap(self._complain(exc))
        except Exception as exc:
            # django-q2 would let the pusher sleep for ten seconds and die.
            self._drop()
            signals.bell_failed.send_robust(sender=Bell, error=exc)
            return self._nap(PAUSE_AFTER_A_FAULT_SECONDS)
        self._stop_complaining()
        return calls

    def _listen(self, own: Connection) -> int:
        """Look at the queue unless nobody could go; nap unless somebody is called."""
        shared.calm()
        if shared.stopping():
            return self._nap(PAUSE_WHILE_STOPPING_SECONDS)
        before = workers_now()
        if before.busy >= self._slots:
            return self._nap(self._until_a_chore(conf().poll_seconds), change_of=before)
        self._rung = False
        with self._watch.waiting("a look at the queue"):
            due = queue.look_ahead(own, limit=self._calls.limit(), code=code_here())
        calls = self._calls.count(due)
        if calls:
            return self._calls.call_busy_ones(calls)
        if due.runs:
            return self._nap(self._calls.pause(), own, change_of=before)
        until_next = conf().poll_seconds if due.next_seconds is None else due.next_seconds
        return self._nap(self._until_a_chore(until_next), own)

    def _until_a_chore(self, seconds: float) -> float:
        """Return so many seconds, or fewer where a chore is due sooner."""
        return min(seconds, self._chores.seconds_to_next())

    def _nap(
        self,
        seconds: float,
        own: Connection | None = None,
        change_of: Workers | None = None,
    ) -> int:
        """Wait for a stop; for the bell, with own; for a worker to stir, with change_of.

        At most so long, or one poll. Returns 0: nobody to call.
        """
        if own is not None and self._has_rung(own):
            return 0
        shared.watch(change_of is not None)
        if change_of in (None, workers_now()):
            waiting_for = [shared.stirred()] + ([] if own is None else [own.fileno()])
            longest = min(conf().poll_seconds, LONGEST_NAP_SECONDS)
            _wait_for_any(waiting_for, min(max(seconds, SHORTEST_NAP_SECONDS), longest))
        shared.watch(False)
        return 0

    def _has_rung(self, own: Connection) -> bool:
        """Whether the bell rang while the last answer was on its way, and came along with it."""
        while notify := own.pgconn.notifies():
            self._hear(notify.extra.decode())
        return self._rung

    def _hear(self, said: str) -> None:
        self._rung = True
        if said == RUNG_FOR_SCHEDULES:
            starting.look_soon()

    def _connection(self) -> Connection:
        if self._own is None or self._own[0] != os.getpid():
            with self._watch.waiting("a connection"):
                own = store.open_connection(conf().direct_database, listen=True)
            own.add_notify_handler(lambda notify: self._hear(notify.payload))
            self._own = (os.getpid(), own)
        return self._own[1]

    def _drop(self) -> None:
        if self._own is not None and self._own[0] == os.getpid():
            self._own[1].close()
        self._own = None

    def _complain(self, exc: psycopg.Error) -> float:
        """Say now and then what is wrong. Returns how long to wait before the next try."""
        unfit = isinstance(exc, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn)
        now, cause = time.monotonic(), str(exc).partition("\n")[0]
        silent = SAY_AGAIN_SECONDS if cause == self._complained_of else OTHER_CAUSE_AFTER_SECONDS
        if self._complained_at is None or now - self._complained_at > silent:
            self._complained_at, self._complained_of = now, cause
            told = signals.tables_missing if unfit else signals.database_away
            told.send_robust(sender=Bell, error=exc)
        return PAUSE_AFTER_A_FAULT_SECONDS if unfit else PAUSE_WHILE_AWAY_SECONDS

    def _stop_complaining(self) -> None:
        if self._watch.answered() or self._complained_at is not None:
            self._complained_at = None
            signals.database_back.send_robust(sender=Bell)


def workers_now() -> Workers:
    """Return what the workers are doing."""
    return Workers(shared.looks(), shared.busy_slots())


def _wait_for_any(readable: list[int], seconds: float) -> None:
    # poll, not select: that one refuses descriptors above 1,023.
    poll = select.poll()
    for descriptor in readable:
        poll.register(descriptor, select.POLLIN)
    poll.poll(seconds * 1000)
