"""What the processes of one cluster see of each other: a few numbers in shared memory, and a pipe.

Made before the fork, without locks (a SIGKILL could leave one locked); every number has one
writer. The sentinel gives each of its children a slot of these arrays as it forks them.
"""

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing.sharedctypes import RawArray, RawValue

SLOTS = 1024
"""More than a cluster has processes: those that die are replaced before they are forgotten."""
NOBODY = 0
"""The slot of a process that is no child of a sentinel."""

_stopping = RawValue(ctypes.c_bool, False)
_beats = RawValue(ctypes.c_uint, 0)
_watched = RawValue(ctypes.c_bool, False)
_used = RawValue(ctypes.c_int, 1)
_pids = RawArray(ctypes.c_int, SLOTS)
_busy = RawArray(ctypes.c_bool, SLOTS)
_looks = RawArray(ctypes.c_uint, SLOTS)
_empty_looks = RawArray(ctypes.c_uint, SLOTS)

_generation = 0
"""0: the command itself, 1: its sentinel, 2: the sentinel's children. Later ones belong to steps."""
_slot = NOBODY
_parent = 0
_stirs: tuple[int, int] | None = None

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent dies. Linux only."""
# Loaded before any fork: another thread could hold the loader's lock in the middle of one.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def install() -> None:
    """Give every child of a sentinel a slot, and let the cluster's processes die with their parent.

    A killed sentinel would otherwise leave its workers running unguarded.
    """
    global _stirs
    _stirs = os.pipe()
    for end in _stirs:
        os.set_blocking(end, False)
    os.register_at_fork(before=_before_fork, after_in_child=_enter)


def reset() -> None:
    """Forget the processes of a cluster that is gone."""
    for array in (_pids, _busy, _looks, _empty_looks):
        ctypes.memset(array, 0, ctypes.sizeof(array))
    _used.value, _beats.value, _watched.value = 1, 0, False


def stop() -> None:
    """Tell every drive of this cluster to give its run back at the next operation."""
    _stopping.value = True
    stir()


def stopping() -> bool:
    """Whether this cluster has been told to stop."""
    return bool(_stopping.value)


def beat() -> None:
    """Say that the sentinel has gone round once more."""
    _beats.value += 1


def beats() -> int:
    """Count the sentinel's rounds."""
    return int(_beats.value)


def set_busy(busy: bool) -> None:
    """Say whether this worker is busy with runs."""
    _busy[_slot] = busy
    if not busy and _watched.value:
        stir()


def count_look() -> None:
    """Say that this worker, called by the bell, has looked at the queue."""
    _looks[_slot] += 1


def count_empty_look() -> None:
    """Say that it found nothing there to drive."""
    _empty_looks[_slot] += 1


def looks() -> int:
    """Count the looks that workers took when the bell called them. Never falls."""
    return sum(_looks[: _used.value])


def empty_looks() -> int:
    """Count the looks that found nothing to drive. Never falls."""
    return sum(_empty_looks[: _used.value])


def busy_workers() -> int:
    """Count the workers that are busy with runs."""
    return sum(_busy[: _used.value])


def forget_all_but(living: set[int]) -> None:
    """Clear the flags of workers that died busy. living: the pids of the pool."""
    for slot in range(_used.value):
        if _busy[slot] and _pids[slot] not in living:
            _busy[slot] = False


def watch(watched: bool) -> None:
    """Ask to be stirred when a worker falls idle, or no longer."""
    _watched.value = watched


def stirred() -> int:
    """Return the file descriptor that becomes readable at a stir."""
    assert _stirs is not None  # noqa: S101 - the bell rings inside a cluster only
    return _stirs[0]


def stir() -> None:
    """Wake whoever waits for a change of these numbers."""
    if _stirs is not None:
        with contextlib.suppress(BlockingIOError):  # full: it is awake
            os.write(_stirs[1], b".")


def calm() -> None:
    """Take back all stirs."""
    with contextlib.suppress(BlockingIOError):
        os.read(stirred(), 65536)


def _before_fork() -> None:
    global _slot, _parent
    _parent = os.getpid()
    if _generation == 1:
        _slot = _free_slot()


def _enter() -> None:
    """Runs in every child before anything else does."""
    global _generation
    _generation += 1
    if _generation > 2:
        return
    die_with_parent()
    if _slot != NOBODY:
        _busy[_slot], _pids[_slot] = False, os.getpid()


def _free_slot() -> int:
    """Return a slot that nobody alive has; the sentinel alone gives them away."""
    for slot in range(1, SLOTS):
        if slot >= _used.value or not lives(_pids[slot]):
            _used.value = max(_used.value, slot + 1)
            return slot
    return NOBODY


def lives(pid: int) -> bool:
    """Whether this host has such a process; one that nobody has buried yet is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in b"ZX"
    except (OSError, IndexError):  # gone meanwhile, or a system without /proc
        return False


def is_sentinel() -> bool:
    """Whether this process is the cluster's sentinel."""
    return _generation == 1


def belongs_to_a_step() -> bool:
    """Whether this process was forked by a worker, for a step."""
    return _generation > 2


def die_with_parent() -> None:
    """Let this process be killed when the one that forked it dies (on Linux)."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _parent:  # it died before the line above
        os._exit(1)
