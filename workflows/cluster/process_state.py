"""Whether a process of this host lives, and whether it is stopped."""

import os

DEAD, STOPPED = ("Z", "X"), ("T", "t")
"""States as proc(5) has them."""


def lives(pid: int) -> bool:
    """Whether this host has such a process; one that nobody has buried yet is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _state(pid) not in DEAD


def goes_on(pid: int) -> bool:
    """Whether the process is seen to live and is not stopped. False also where nobody can tell."""
    return _state(pid) not in (*DEAD, *STOPPED, None)


def _state(pid: int) -> str | None:
    """Return the process's state, a letter as proc(5) has them; None: there is none, or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        return None
