"""What a worker with several slots does about a step that runs beyond its limit and cannot be interrupted."""

import os
import socket
import time

import psycopg

from workflows import signals
from workflows.cluster.liveness import Liveness
from workflows.cluster.slot_threads import Slots
from workflows.conf import conf
from workflows.core.running_steps import HEARTBEAT, TIMEOUT, HeldRun, StepSeen
from workflows.engine import announcements
from workflows.engine.attempts.running_step import Running
from workflows.store import sweep
from workflows.store import workers as store

TRIES, PAUSE_SECONDS = 10, 0.2
"""To take the run while others have its row locked."""


def give_up(running: Running, slots: Slots, liveness: Liveness) -> None:
    """Take the run from the step, which counts as a failed attempt, and end this process once its other
    drives have ended; unless the step has ended after all, whatever has become of its run. Where the
    database is away, the pusher tells the same when the process has ended."""
    thread = liveness.thread_of(running.info.run_id)  # the same worker may claim it again
    try:
        _take(running, HeldRun(running.info.run_id, running.attempt, (_seen(running),)))
    except psycopg.Error as exc:
        signals.lease_not_extended.send_robust(
            sender=Liveness, run_id=running.info.run_id, error=exc
        )
    if not running.ended:
        slots.retire(thread)


def _take(running: Running, run: HeldRun) -> None:
    with store.open_connection(conf().direct_database) as own:
        for _ in range(TRIES):
            if running.ended:
                return
            judged = sweep.take_overrun(own, run, max_crashes=conf().max_crashes)
            if judged:
                announcements.runs_judged(judged)
                return
            time.sleep(PAUSE_SECONDS)


def _seen(running: Running) -> StepSeen:
    info, limit = running.info, running.limit
    return StepSeen(
        name=info.name,
        position=info.position,
        attempt=info.attempt,
        undo=running.undo,
        age_seconds=running.lasts,
        overran=TIMEOUT if limit.ends_at <= time.monotonic() else HEARTBEAT,
        host=socket.gethostname(),
        pid=os.getpid(),
    )
