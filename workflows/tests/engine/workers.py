"""A holder of runs that needs no cluster, for the tests of the worker's loop."""

from collections.abc import Callable

from workflows.core.run import ClaimedRun
from workflows.engine.worker_loop import work_off


class Worker:
    """A holder that remembers what it was told."""

    def __init__(self) -> None:
        self.held: list[ClaimedRun | None] = []
        self.lost = 0

    def worker_id(self) -> int | None:
        return 7

    def hold(self, run: ClaimedRun | None) -> None:
        self.held.append(run)

    def lose(self) -> None:
        self.lost += 1

    def broke_since(self, moment: float) -> bool:
        return False


def nothing() -> None: ...


def work(worker: Worker | None = None, stopping: Callable[[], bool] = lambda: False) -> int:
    """Work off what is due; return how many drives that took."""
    return work_off(worker or Worker(), stopping=stopping, looked=nothing)
