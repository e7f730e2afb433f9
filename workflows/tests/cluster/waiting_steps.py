"""Workflows whose steps wait for a gate, of every kind that a worker can have under way at once."""

import gc
import os
import time

from workflows.api import Context, heartbeat, step, workflow
from workflows.tests.cluster.flows import PATIENT, awaited_effect, leave, slow_effect, wait_for_gate


@step(heartbeat_seconds=30, retry=PATIENT)
def beating(gate: str) -> int:
    """Leave a line, and beat until the gate is there."""
    leave("beats")
    beats = 0
    while not os.path.exists(gate):
        beats += 1
        heartbeat(beats)
        time.sleep(0.05)
    return beats


@step(retry=PATIENT)
def outside(name: str, gate: str) -> str:
    """Leave a line by a connection that is closed at once, then wait."""
    leave(name, durable=True)
    wait_for_gate(gate)
    return name


@workflow("lab.waits_beating")
def waits_beating(run: Context, gate: str) -> int:
    """A step that beats."""
    return run.step(beating, gate)


@workflow("lab.waits_outside")
def waits_outside(run: Context, gate: str) -> str:
    """A step that holds nothing of the database's."""
    return run.step(outside, "outside", gate)


@workflow("lab.waits_as_group")
def waits_as_group(run: Context, gate: str) -> list[str]:
    """Plain steps and async ones in one group."""
    return list(
        run.gather(
            run.call(slow_effect, "plain a", gate),
            run.call(outside, "plain b", gate),
            run.call(awaited_effect, "async a", gate),
            run.call(awaited_effect, "async b", gate),
        )
    )


@step
def frozen_objects() -> int:
    """Count what this process's collector leaves alone."""
    return gc.get_freeze_count()


@workflow("lab.frozen_objects")
def counts_frozen_objects(run: Context) -> int:
    """Ask a worker."""
    return run.step(frozen_objects)
