"""Which attempt of which step is running here."""

import contextvars
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workflows.core.run import StepInfo
from workflows.engine.attempts.time_limit import Limit
from workflows.engine.session.run_growth import RunGrowth
from workflows.store.database import Connection


@dataclass(kw_only=True)
class Running:
    """An attempt while it runs."""

    info: StepInfo
    attempt: int
    """The run's, which the fence knows."""
    limit: Limit
    growth: RunGrowth
    """How far the run's heartbeats have come."""
    in_test: bool
    """Inside a test's transaction, which other connections do not see."""
    details: str | None = None
    """Of this attempt's last heartbeat, as JSON text."""
    seconds: float = 0.0
    """How long the step's function took, once it has returned."""
    began: float = field(default_factory=time.monotonic)
    """When the attempt began."""
    own: Connection | None = None
    """On which it sends heartbeats, from the first one on."""

    ended: bool = False

    @property
    def lasts(self) -> float:
        """For how many seconds the attempt has been under way."""
        return time.monotonic() - self.began

    def hang_up(self) -> None:
        """Close the connection of its heartbeats."""
        own, self.own = self.own, None
        if own is not None:
            own.close()

    def close(self) -> None:
        """The attempt has ended; a thread that goes on has no part in it."""
        self.ended = True
        self.hang_up()


current: contextvars.ContextVar[Running | None] = contextvars.ContextVar("step", default=None)


@contextmanager
def outside_of_steps() -> Iterator[None]:
    """Drive another run inside a step: its workflow code is in no step."""
    token = current.set(None)
    try:
        yield
    finally:
        current.reset(token)


def running_step() -> Running | None:
    """Return the attempt that is running here, None outside a step."""
    return current.get()


def current_step() -> StepInfo | None:
    """Return which attempt of which step is running here; None outside a step."""
    running = current.get()
    return None if running is None else running.info
