"""Processes that steps start by multiprocessing: they belong to their worker, and end with it.

django-q2's workers may have children once they are no daemons. A child by "fork" inherits what its
worker has: the sockets of its connections (which would keep a dead worker's lock alive, and mix up
what both send), and its signal handlers. All of that is put right here, as the child begins.

A pool ends its processes by SIGTERM, and waits. What comes while a child is being born must not meet the
worker's handler, which leaves that signal to others: so it is held back until the child has its own.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing import util
from typing import Any

from django.db import connections

from workflows.cluster import parent_end, shared

BEFORE_CHILDREN_ARE_WAITED_FOR = 100
_inherited: list[Any] = []
"""Connections of the worker's: held, since nobody may close them here."""


class _Registered:
    """multiprocessing calls back for as long as this lives."""


class _Forking(threading.local):
    mask: set[int] | None = None
    """Of the signals that were held back in this thread, before it forked."""


_registered = _Registered()
_forking = _Forking()


def install() -> None:
    """Put right what children by "fork" inherit; before the sentinel is forked."""
    util.register_after_fork(_registered, _begin)
    os.register_at_fork(
        before=_hold_back, after_in_parent=_let_through, after_in_child=_let_end_the_child
    )


def _begin(registered: _Registered) -> None:
    """Runs in every process that multiprocessing forks."""
    if shared.is_sentinel():
        util.Finalize(None, _end_children, exitpriority=BEFORE_CHILDREN_ARE_WAITED_FOR)
    elif shared.belongs_to_a_step():
        if not parent_end.end_with_parent():
            shared.die_with_parent()
        forget_connections()


def _hold_back() -> None:
    if shared.is_worker():
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_through() -> None:
    mask, _forking.mask = _forking.mask, None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _let_end_the_child() -> None:
    if _forking.mask is not None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _let_through()


def _end_children() -> None:
    """Let the workers of a sentinel that breaks down end at once, as daemons would: it waits for
    those that are none."""
    for child in multiprocessing.active_children():
        child.kill()


def forget_connections() -> None:
    """Let this process open connections of its own; those it knows are its parent's."""
    for known in connections.all(initialized_only=True):
        _inherited.append(known)
        with contextlib.suppress(AttributeError):  # of another thread
            del connections[known.alias]
