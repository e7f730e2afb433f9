"""Processes as Linux shows them under /proc."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    parents = {int(entry.name): parent_of(entry) for entry in PROC.glob("[0-9]*")}
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found


def parent_of(entry: Path) -> int:
    """Return the parent's pid, 0 where the process has ended meanwhile."""
    fields = stat_of(entry)
    return int(fields[1]) if fields else 0


def threads(pids: Iterable[int]) -> int:
    """Count the threads of these processes."""
    stats = [stat_of(PROC / str(pid)) for pid in pids]
    return sum(int(fields[17]) for fields in stats if fields)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time, user and system, that these processes have used so far."""
    stats = [stat_of(PROC / str(pid)) for pid in pids]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in stats if fields)
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: Iterable[int]) -> float:
    """Return the memory of these processes; what several share counts once in all (proc(5): Pss)."""
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rolled_up = (PROC / str(pid) / "smaps_rollup").read_text()
            kilobytes += int(rolled_up.partition("\nPss:")[2].split()[0])
    return kilobytes / 1000


def stat_of(entry: Path) -> list[str]:
    """Return the fields of proc(5)'s stat from the third on, nothing for a process that is gone.

    The second is the name in parentheses, and a name may hold anything.
    """
    try:
        return (entry / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
