"""What the processes of one cluster see of each other: a few numbers in shared memory.

Made before the fork, without locks (a SIGKILL could leave one locked); every number has one
writer. A child of the cluster finds its own slot by the number of forks before it.
"""

import ctypes
import os
import signal
import sys
from multiprocessing.sharedctypes import RawArray, RawValue

SLOTS = 4096

_stopping = RawValue(ctypes.c_bool, False)
_pids = RawArray(ctypes.c_int, SLOTS)
_busy = RawArray(ctypes.c_bool, SLOTS)
_looks = RawArray(ctypes.c_uint, SLOTS)
_forks = 0
_slot = 0

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent dies. Linux only."""


def install() -> None:
    """Give every process forked from now on a slot, and let it die with its parent.

    A killed sentinel would otherwise leave its workers running unguarded.
    """
    os.register_at_fork(before=_count, after_in_child=_enter)


def stop() -> None:
    """Tell every drive of this cluster to give its run back at the next operation."""
    _stopping.value = True


def stopping() -> bool:
    """Whether this cluster has been told to stop."""
    return bool(_stopping.value)


def set_busy(busy: bool) -> None:
    """Say whether this worker is busy with runs."""
    _busy[_slot] = busy


def count_look() -> None:
    """Say that this worker, called by the bell, has looked at the queue."""
    _looks[_slot] += 1


def looks() -> int:
    """Count the looks that workers took when the bell called them. Never falls."""
    return sum(_looks)


def busy_workers() -> int:
    """Count the workers that are busy with runs."""
    return sum(_busy)


def forget_all_but(living: set[int]) -> None:
    """Clear the flags of workers that died busy. living: the pids of the pool."""
    for slot in range(1, SLOTS):
        if _busy[slot] and _pids[slot] not in living:
            _busy[slot] = False


def _count() -> None:
    global _forks
    _forks += 1


def _enter() -> None:
    global _slot
    parent = os.getppid()
    _slot = 1 + _forks % (SLOTS - 1)
    _pids[_slot] = os.getpid()
    _busy[_slot] = False
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
