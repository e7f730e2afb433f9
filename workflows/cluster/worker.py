"""A worker process of the cluster: what it does when it is born and when the bell rings."""

from functools import cache

from workflows import signals
from workflows.cluster import held_runs, shared
from workflows.cluster.liveness import Liveness
from workflows.engine.worker_loop import work_off


def born(**kwargs: object) -> None:
    """Begin to show that this worker lives (receiver of django-q2's post_spawn)."""
    held_runs.begin()
    _liveness().begin()


def ring() -> int:
    """Answer the bell: drive due runs until there are none. Returns how many. Raises nothing."""
    shared.set_busy(True)
    looked, driven = False, 0

    def note() -> None:
        nonlocal looked
        looked = True
        shared.count_look()

    try:
        driven = work_off(_liveness(), stopping=shared.stopping, looked=note)
    except Exception as exc:
        # django-q2 would keep it as a failed task, pickled, in a table of its own.
        signals.worker_failed.send_robust(sender=Liveness, error=exc)
    finally:
        if not looked:
            shared.count_look()
        if not driven:
            shared.count_empty_look()
        shared.set_busy(False)
    return driven


@cache
def _liveness() -> Liveness:
    """Return this process's own; the first call is made after the fork."""
    return Liveness()
