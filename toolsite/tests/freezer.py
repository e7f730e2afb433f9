"""A PostgreSQL that can be frozen: every process of it stopped, its sockets left open."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a server and all its children while the block runs."""
    family = [pid]
    os.kill(pid, signal.SIGSTOP)  # first, so that it makes no more of them
    family += children_of(pid)
    for child in family[1:]:
        os.kill(child, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(family):
            os.kill(each, signal.SIGCONT)


def children_of(pid: int) -> list[int]:
    """Return the processes that this one has started."""
    stats = [stat.read_text() for stat in Path("/proc").glob("[0-9]*/stat")]
    # After the name in parentheses, which may hold anything: the state, then the parent.
    parents = {int(stat.split()[0]): int(stat.rsplit(")", 1)[1].split()[1]) for stat in stats}
    return [child for child, parent in parents.items() if parent == pid]
