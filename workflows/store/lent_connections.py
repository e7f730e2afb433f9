"""Django's default connection of a thread that drives, borrowed from the pool of its process.

The thread keeps its DatabaseWrapper, of whatever backend; what goes to and fro is the open connection in
it. It is borrowed by whatever first sends something, the engine or a step, and goes back when the
thread lets go of it. Where a process has no pool (the web, commands, tests), all is as Django has it.
"""

import os
import threading
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from workflows.store.connection_pool import ConnectionPool
from workflows.store.kept_cursor import adopt_cursor, leave_cursor

IDLE_SECONDS = 10.0
"""So long a connection that nobody needs is kept open."""


class _Here(threading.local):
    borrower: "_Borrower | None" = None


_here = _Here()
_pool: ConnectionPool | None = None
_keep = 0


class _Borrower:
    """A thread's DatabaseWrapper that borrows instead of opening."""

    def __init__(self, wrapper: Any, pool: ConnectionPool) -> None:
        self.wrapper, self.pool = wrapper, pool
        self.in_step = False
        self._open, self._close = wrapper.connect, wrapper._close
        wrapper.connect, wrapper._close = self._connect, self._end

    def release(self) -> None:
        """Let the wrapper be as Django made it."""
        vars(self.wrapper).pop("connect", None)
        vars(self.wrapper).pop("_close", None)

    def let_go(self) -> None:
        """Give the connection back, unless a transaction is open."""
        wrapper = self.wrapper
        raw = wrapper.connection
        if raw is None or wrapper.in_atomic_block:
            return
        if wrapper.autocommit != wrapper.settings_dict["AUTOCOMMIT"]:
            wrapper.close()
            return
        wrapper.connection = None
        self.pool.give(self, raw, wrapper.close_at, leave_cursor(raw))

    def _connect(self) -> None:
        kept = self.pool.take(self)
        if kept is None:
            self._open_another()
            return
        wrapper = self.wrapper
        # As BaseDatabaseWrapper.connect leaves them.
        wrapper.in_atomic_block = wrapper.needs_rollback = False
        wrapper.closed_in_transaction = wrapper.errors_occurred = False
        wrapper.savepoint_ids, wrapper.atomic_blocks, wrapper.run_on_commit = [], [], []
        wrapper.health_check_done = True
        wrapper.close_at = kept.close_at
        wrapper.autocommit = wrapper.settings_dict["AUTOCOMMIT"]
        wrapper.connection = kept.raw
        adopt_cursor(kept.cursor)

    def _open_another(self) -> None:
        wrapper = self.wrapper
        try:
            self._open()
        except BaseException:
            wrapper.close()
            self.pool.forget(self)
            raise
        if not wrapper.settings_dict["CONN_MAX_AGE"]:
            wrapper.close_at = None  # "not beyond a request": the pool is what closes it

    def _end(self) -> None:
        try:
            self._close()
        finally:
            self.pool.forget(self)


def begin(size: int, *, keep: int = 0) -> ConnectionPool:
    """Lend connections in this process from now on, so many at a time. Called after the fork.

    keep: so many stay open though nobody has needed them for a while."""
    global _pool, _keep
    _pool, _keep = ConnectionPool(size), keep
    return _pool


def is_lending() -> bool:
    """Whether this process has a pool, and a thread that closes what lies in it unused."""
    return _pool is not None


def end() -> None:
    """Lend no more in this process: its threads have connections of their own again, and those of
    the pool are closed. For tests."""
    global _pool
    pool, _pool = _pool, None
    release_here()
    if pool is not None:
        pool.close_idle()


def borrow_here() -> None:
    """Let Django's default connection of this thread be a borrowed one, where the process lends."""
    pool = _pool
    if pool is None:
        return
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    known = _here.borrower
    if known is not None and known.wrapper is wrapper and known.pool is pool:
        return
    wrapper.close()  # opened before: it is not the pool's
    _here.borrower = _Borrower(wrapper, pool)


def release_here() -> None:
    """This thread borrows no more."""
    borrower, _here.borrower = _here.borrower, None
    if borrower is not None:
        borrower.let_go()
        borrower.release()


def let_go() -> None:
    """Give this thread's connection back until it sends something again; not in a transaction, nor in
    a step, which keeps what it has used."""
    borrower = _here.borrower
    if borrower is not None and not borrower.in_step:
        borrower.let_go()


def close_worn_out_others() -> None:
    """Close this thread's connections to other databases that have broken or are older than their
    CONN_MAX_AGE, as Django does behind a request."""
    for each in connections.all(initialized_only=True):
        if each.alias != DEFAULT_DB_ALIAS:
            each.close_if_unusable_or_obsolete()


def enter_step() -> "_Borrower | None":
    """A step begins here, without a connection: one that it takes is its own until `leave_step`, which
    wants what this returns."""
    borrower = _here.borrower
    if borrower is None or borrower.in_step:
        return None
    borrower.let_go()
    borrower.in_step = True
    return borrower


def leave_step(borrower: "_Borrower | None") -> None:
    """The step has ended; its connection may serve the drive, or somebody else."""
    if borrower is not None:
        borrower.in_step = False


def close_idle() -> None:
    """Close the connections of this process that nobody has needed for a while."""
    if _pool is not None:
        _pool.close_idle(IDLE_SECONDS, keep=_keep)


def _forget_in_child() -> None:
    """A child of this process has no part in the pool: its sockets are the parent's."""
    global _pool
    if _pool is not None:
        _inherited.append(_pool)  # nobody may close what is in it
    _pool = None
    if (borrower := _here.borrower) is not None:
        borrower.release()
        _here.borrower = None


_inherited: list[ConnectionPool] = []
os.register_at_fork(after_in_child=_forget_in_child)
