"""Every test here ends with the threads and sockets it began with."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from submissions.link_check import resolve

DESCRIPTORS = Path("/proc/self/fd")
PATIENCE_SECONDS = 2.0


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    threads, sockets = set(threading.enumerate()), open_sockets()

    yield

    for thread in set(threading.enumerate()) - threads:
        thread.join(PATIENCE_SECONDS)
    left_threads = set(threading.enumerate()) - threads
    assert not left_threads, f"threads left behind: {left_threads}"
    assert not lookups_after_a_while(), "look-ups left behind"
    left_sockets = open_sockets() - sockets
    assert not left_sockets, f"sockets left open: {left_sockets}"


def lookups_after_a_while() -> set[int]:
    """Return look-ups that do not end; bare threads cannot be joined, only asked again."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while resolve.LOOKUPS and time.monotonic() < give_up_at:
        time.sleep(0.001)
    return set(resolve.LOOKUPS)


def open_sockets() -> set[str]:
    """Return the sockets this process holds, by inode; empty where /proc is missing."""
    found = set()
    for descriptor in DESCRIPTORS.iterdir() if DESCRIPTORS.exists() else ():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found
