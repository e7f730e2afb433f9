"""What runs of every release do in their middle, so that a deploy meets them there."""

import os

from workflows.api import Context, RetryPolicy, step
from workflows.tests.cluster.flows import leave, slow_atomic_effect, slow_effect

WAYS = ("waits", "sleeps", "holds", "holds atomically", "retries")
"""Each goes on only when it is told to: the first two by an event, the others by a gate."""
KNOCKING = RetryPolicy(attempts=1000, first_delay_seconds=0.1, factor=1, jitter=0)


@step(retry=KNOCKING)
def knock(name: str, gate: str) -> None:
    """Fail until the file is there."""
    leave(name)
    if not os.path.exists(gate):
        raise ConnectionError("closed")


def go(run: Context, way: str, gate: str, release: str) -> None:
    """Go one of the ways, as this release."""
    match way:
        case "naps":
            run.sleep(0.02)
        case "waits":
            run.wait_event("word")
        case "sleeps":
            while run.wait_event(["word"], timeout_seconds=0.01) is None:
                run.sleep(0.2)
        case "holds":
            run.step(slow_effect, f"{release} held", gate)
        case "holds atomically":
            run.step(slow_atomic_effect, f"{release} held", gate)
        case "retries":
            run.step(knock, f"{release} knocks", gate)
