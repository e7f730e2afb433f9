"""Workers as the database sees them, and the runs that they hold."""

from collections.abc import Iterator
from contextlib import contextmanager

from workflows.api import start
from workflows.core.run import ClaimedRun
from workflows.store.workers import enlist, living_workers
from workflows.tests.builders import claim, connected, until
from workflows.tests.flows import greet_once


@contextmanager
def living_worker() -> Iterator[int]:
    """A worker that lives as long as the block."""
    with connected() as own:
        yield enlist(own, host="here", pid=1)


def dead_worker() -> int:
    """Return the id of a worker that has lived."""
    with living_worker() as worker_id:
        pass
    until(lambda: living_workers() == 0)
    return worker_id


def held_by(worker_id: int | None) -> ClaimedRun:
    start(greet_once, name="Alice")
    return claim(worker_id=worker_id)
