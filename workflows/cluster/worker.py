"""A worker process of the cluster: what it does when it is born and when the bell rings."""

from workflows.cluster import shared
from workflows.cluster.liveness import Liveness
from workflows.engine.work import work_off

_liveness: Liveness | None = None


def born(**kwargs: object) -> None:
    """Take an id before the first run comes (receiver of django-q2's post_spawn)."""
    global _liveness
    _liveness = Liveness()


def ring() -> int:
    """Answer the bell: drive due runs until there are none. Returns how many."""
    global _liveness
    if _liveness is None:
        _liveness = Liveness()
    shared.set_busy(True)
    looked = False

    def note() -> None:
        nonlocal looked
        looked = True
        shared.count_look()

    try:
        return work_off(_liveness, stopping=shared.stopping, looked=note)
    finally:
        shared.set_busy(False)
        if not looked:
            shared.count_look()
