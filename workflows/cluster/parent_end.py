"""A process ends with the one that has forked it, whichever of its threads did, and whenever that ends.

prctl's signal comes at the end of the thread that forked, and threads of a worker come and go. Here each
process has a pipe whose writing end nobody else keeps. When it ends, in whatever way, the kernel
closes that end and kills those who asked: they need no interpreter for it, and none is asked.
"""

import fcntl
import os
import select
import signal
import sys

_own: tuple[int, int] | None = None
"""What the children of this process will ask at, and the writing end."""
_parents: int | None = None
"""Where this process may ask."""


def begin() -> None:
    """Have a pipe of one's own, and no part in keeping the parent's open. Called in each process as it is
    forked, before it has threads."""
    global _own, _parents
    inherited, _own, _parents = _own, None, None
    if inherited is not None:
        _parents, writes = inherited
        os.close(writes)
    _own = os.pipe()


def end_with_parent() -> bool:
    """Let this process be killed when the one that forked it ends. False: that cannot be had here (it
    takes Linux, /proc and two descriptors)."""
    if sys.platform != "linux" or _parents is None:
        return False
    try:
        # Opened anew: what is set below is set for all who share an opening.
        asked = os.open(f"/proc/self/fd/{_parents}", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    fcntl.fcntl(asked, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(asked, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(asked, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    poll = select.poll()
    poll.register(asked, 0)
    if poll.poll(0):  # nobody has the writing end any more: it ended before the lines above
        os._exit(1)
    return True
