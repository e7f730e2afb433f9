"""Cutting connections again and again."""

import time
from collections.abc import Callable

from workflows.tests.cluster.lab import rows

CUT_ALL = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
UNFINISHED = "SELECT count(*) FROM workflows_run WHERE state <> 'completed'"
PAUSE_SECONDS = 0.5


def cut_for(seconds: float, meanwhile: Callable[[], None] = lambda: None) -> int:
    """Cut all connections but our own every half second, and do something after each cut. Returns how
    many were cut."""
    until, cut = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        cut += int(rows(CUT_ALL)[0][0])
        meanwhile()
        time.sleep(PAUSE_SECONDS)
    return cut
