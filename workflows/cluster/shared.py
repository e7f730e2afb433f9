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
from typing import NamedTuple

from workflows.cluster import parent_end
from workflows.cluster.process_state import lives

SLOTS = 1024
"""More than a cluster has processes: those that die are replaced before they are forgotten."""
NOBODY = 0
"""The slot of a process that is no child of a sentinel."""
ALL_CALLS = 65_536
"""As many as the pipe holds."""
CHILD = 2
"""The generation of the sentinel's children; that of the command is 0."""

_stopping = RawValue(ctypes.c_bool, False)
_beats = RawValue(ctypes.c_uint, 0)
_watched = RawValue(ctypes.c_bool, False)
_used = RawValue(ctypes.c_int, 1)
_pids = RawArray(ctypes.c_int, SLOTS)
_busy = RawArray(ctypes.c_uint, SLOTS)
_looks = RawArray(ctypes.c_uint, SLOTS)
_empty_looks = RawArray(ctypes.c_uint, SLOTS)
_holding = RawArray(ctypes.c_bool, SLOTS)
_spared = RawArray(ctypes.c_bool, SLOTS)

_generation = 0
"""0: the command itself, 1: its sentinel, 2: the sentinel's children. Later ones belong to steps."""
_slot = NOBODY
_parent = 0
_command = 0
_stirs: tuple[int, int] | None = None
_calls: tuple[int, int] | None = None

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent dies. Linux only."""
# Loaded before any fork: another thread could hold the loader's lock in the middle of one.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def install() -> None:
    """Give every child of a sentinel a slot, and let the cluster's processes die with their parent.

    A killed sentinel would otherwise leave its workers running unguarded.
    """
    global _command, _stirs, _calls
    _command, _stirs, _calls = os.getpid(), os.pipe(), os.pipe()
    for end in (*_stirs, *_calls):
        os.set_blocking(end, False)
    os.register_at_fork(before=_before_fork, after_in_child=_enter)


def reset() -> None:
    """Forget what the processes of a cluster did that is gone; not what they held when they died."""
    for array in (_busy, _looks, _empty_looks):
        ctypes.memset(array, 0, ctypes.sizeof(array))
    _beats.value, _watched.value = 0, False
    take_calls(ALL_CALLS)


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


def set_busy(runs: int) -> None:
    """Say with how many runs this worker is busy."""
    fewer, _busy[_slot] = runs < _busy[_slot], runs
    if fewer and _watched.value:
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
    return sum(map(bool, _busy[: _used.value]))


def busy_slots() -> int:
    """Count the runs with which the workers are busy, all together."""
    return sum(_busy[: _used.value])


def call(times: int) -> None:
    """Call workers that are busy, and have room for more runs, to look at the queue so many times.

    Whoever is idle waits at django-q2's queue, with its lock; who drives must never be there, since its
    death would leave the queue locked. What is in this pipe, whoever comes first takes.
    """
    if _calls is not None and times:
        with contextlib.suppress(BlockingIOError):  # full: enough of them are on their way
            os.write(_calls[1], b"." * min(times, ALL_CALLS))


def take_calls(at_most: int) -> int:
    """Take calls upon this worker. Returns how many."""
    if _calls is None:
        return 0
    try:
        return len(os.read(_calls[0], at_most))
    except BlockingIOError:
        return 0


def called() -> int:
    """Return the file descriptor that is readable while there are calls."""
    assert _calls is not None  # noqa: S101 - workers are called inside a cluster only
    return _calls[0]


def forget_all_but(living: set[int]) -> None:
    """Clear the flags of workers that died busy. living: the pids of the pool."""
    for slot in range(_used.value):
        if _busy[slot] and _pids[slot] not in living:
            _busy[slot] = 0


def command_pid() -> int | None:
    """Return the pid of the command that started this cluster; None outside of one."""
    return _command or None


class Holder(NamedTuple):
    """A child of the sentinel that holds runs, or died while it held some."""

    slot: int
    pid: int
    spared: bool
    """It lived when its cluster was ended, and so was ended for no fault of its own."""


def own_slot() -> int | None:
    """Return the slot of this process; None for one that a step has forked."""
    return _slot if _generation <= CHILD else None


def set_holding(holding: bool) -> None:
    """Say whether this worker holds runs. Its slot is kept for what is to be known of them."""
    _spared[_slot] = False
    _holding[_slot] = holding


def holders() -> list[Holder]:
    """Return who holds runs, or died while it held some and is not forgotten yet."""
    used = range(NOBODY + 1, _used.value)
    return [Holder(slot, _pids[slot], _spared[slot]) for slot in used if _holding[slot]]


def forget(slot: int) -> None:
    """What the dead process in this slot held has been dealt with."""
    _holding[slot] = False


def spare_the_living() -> None:
    """Called before this cluster is ended: who lives now is not to blame for its own end."""
    for slot, pid, _ in holders():
        _spared[slot] = lives(pid)


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
    if _generation >= CHILD:
        parent_end.begin()
    if _generation > CHILD:
        return
    die_with_parent()
    if _slot != NOBODY:
        _busy[_slot], _holding[_slot], _pids[_slot] = 0, False, os.getpid()


def _free_slot() -> int:
    """Return a slot that nobody alive has, rather one that tells nothing of the dead either; the
    sentinel alone gives them away."""
    for kept in (_holding, ()):
        for slot in range(NOBODY + 1, SLOTS):
            if slot >= _used.value or not (lives(_pids[slot]) or (kept and kept[slot])):
                _used.value = max(_used.value, slot + 1)
                return slot
    return NOBODY


def is_sentinel() -> bool:
    """Whether this process is the cluster's sentinel."""
    return _generation == 1


def is_worker() -> bool:
    """Whether this process is a child of the sentinel, or of one of these."""
    return _generation >= CHILD


def belongs_to_a_step() -> bool:
    """Whether this process was forked by a worker, for a step."""
    return _generation > CHILD


def die_with_parent() -> None:
    """Let this process be killed when the thread that forked it ends (on Linux): in a cluster's own
    processes the main one, and so the process."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _parent:  # it died before the line above
        os._exit(1)
