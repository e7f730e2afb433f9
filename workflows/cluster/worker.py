"""A worker process of the cluster: what it does when it is born and when the bell rings."""

import threading
from collections.abc import Callable
from functools import cache

from django.db.backends.signals import connection_created
from django_q.conf import Conf

from workflows import signals
from workflows.cluster import held_runs, shared, told_figures
from workflows.cluster.liveness import Liveness
from workflows.cluster.slot_threads import Slots
from workflows.cluster.stuck_step import give_up
from workflows.cluster.worker_identity import introduce
from workflows.conf import conf
from workflows.engine.worker_loop import work_off
from workflows.store import lent_connections

FEW_WORKERS = 4
"""Each of so few keeps a connection open while it is idle: the next run need not wait for one. More of them
would cost the server more than that is worth."""

_counting = threading.Lock()
"""Several slots count into the same numbers."""


def born(**kwargs: object) -> None:
    """Begin to show that this worker lives (receiver of django-q2's post_spawn)."""
    held_runs.begin(
        lambda running: give_up(running, _slots(), _liveness()) if conf().slots > 1 else None
    )
    connection_created.connect(introduce)
    told_figures.begin()
    keep = 1 if Conf.WORKERS <= FEW_WORKERS else 0
    lent_connections.begin(conf().connections, keep=keep)
    _liveness().begin()


def ring() -> None:
    """Answer the bell: drive due runs until there are none. Raises nothing, but SystemExit where this
    process must end."""
    if conf().slots > 1:
        _slots().serve()
        return
    shared.set_busy(1)
    try:
        _work(shared.stopping)
    finally:
        shared.set_busy(0)


def _work(stopping: Callable[[], bool]) -> None:
    """Drive due runs in this thread until there are none."""
    looked, driven = False, 0

    def note() -> None:
        nonlocal looked
        looked = True
        with _counting:
            shared.count_look()

    try:
        driven = work_off(_liveness(), stopping=stopping, looked=note)
    except Exception as exc:
        # django-q2 would keep it as a failed task, pickled, in a table of its own.
        signals.worker_failed.send_robust(sender=Liveness, error=exc)
    finally:
        if not looked:
            note()
        if not driven:
            with _counting:
                shared.count_empty_look()


@cache
def _liveness() -> Liveness:
    """Return this process's own; the first call is made after the fork."""
    return Liveness()


@cache
def _slots() -> Slots:
    """Return this process's own, if it has more than one. Called in the main thread first."""
    _liveness()  # made here: of two slots that came first at the same moment each would make one
    slots = Slots(conf().slots, lambda: _work_in_slot(lambda: shared.stopping() or slots.retiring))
    return slots


def _work_in_slot(stopping: Callable[[], bool]) -> None:
    """As _work. What would end a process with one slot ends this one too, once its other drives have: a
    thread that just died would be waited for in vain. Raises SystemExit."""
    try:
        _work(stopping)
    except KeyboardInterrupt as exc:
        signals.worker_failed.send_robust(sender=Liveness, error=exc)
        raise SystemExit(1) from exc
