"""Which attempt of which step is running here."""

import contextvars
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from workflows.core.run import StepInfo
from workflows.core.states import RunState
from workflows.core.unwind import LeaseLost, StepStopped
from workflows.engine.attempts.time_limit import Limit
from workflows.engine.session.run_growth import RunGrowth
from workflows.engine.session.run_stream import RunStream
from workflows.store.beat_connection import beat_connection
from workflows.store.database import Connection


class OnLoop(Protocol):
    """An attempt that runs on the event loop, away from the drive's thread."""

    def send_beat(self, send: Callable[[], BaseException | None]) -> None:
        """Have its last heartbeat sent. Raises why the attempt must stop, or stops it, where it must."""


@dataclass(kw_only=True)
class Running:
    """An attempt while it runs."""

    info: StepInfo
    attempt: int
    """The run's, which the fence knows."""
    limit: Limit
    undo: bool
    """It is a compensation."""
    growth: RunGrowth
    """How far the run's heartbeats have come."""
    run_stream: RunStream
    """What the run emits in this drive."""
    in_test: bool
    """Inside a test's transaction, which other connections do not see."""
    stops_on_cancel: bool = False
    details: str | None = None
    """Of this attempt's last heartbeat, as JSON text."""
    emitted: int = 0
    """So many chunks so far."""
    seconds: float = 0.0
    """How long the step's function took, once it has returned."""
    own: Connection | None = None
    """On which it sends heartbeats, from the first one on."""
    on_loop: OnLoop | None = None
    """It is an async step's."""

    ended: bool = False
    began: float = field(default_factory=time.monotonic)
    """By this host's monotonic clock, in seconds."""
    place: int | None = None
    """Where the witness has noted it."""

    @property
    def lasts(self) -> float:
        """For how many seconds the attempt has been under way."""
        return time.monotonic() - self.began

    def why_stop(self, held: RunState | None) -> BaseException | None:
        """Return why the attempt must end, now that its run is held in this state (None: by others)."""
        if held is None:
            return LeaseLost()
        stops = self.stops_on_cancel and held == RunState.CANCELLING
        return StepStopped() if stops else None

    def hang_up(self) -> None:
        """Have no more part in the connection of heartbeats."""
        own, self.own = self.own, None
        if own is not None:
            beat_connection.leave(own)

    def drop_own(self) -> None:
        """Have no more part in it, and nobody else: a statement on it was broken off."""
        if self.own is not None:
            beat_connection.drop(self.own)
        self.hang_up()

    def close(self) -> None:
        """The attempt has ended; a thread that goes on has no part in it."""
        self.ended = True
        self.hang_up()


class Witness(Protocol):
    """Is told which steps run in this process, and keeps it where it outlives the process. Must cost
    next to nothing, and raise nothing."""

    def begun(self, running: Running) -> None:
        """An attempt begins."""

    def goes_on(self, running: Running) -> None:
        """Its limits have moved."""

    def ended(self, running: Running) -> None:
        """It has ended, or has been given up."""

    def stuck(self, running: Running) -> None:
        """It goes on well beyond a limit, in a thread where nothing interrupts it. May take its time."""


class _NoWitness:
    """Outside of a cluster's workers."""

    def begun(self, running: Running) -> None: ...
    def goes_on(self, running: Running) -> None: ...
    def ended(self, running: Running) -> None: ...
    def stuck(self, running: Running) -> None: ...


_witness: Witness = _NoWitness()


def witness_steps(witness: Witness) -> None:
    """Tell this one of the steps of this process from now on."""
    global _witness
    _witness = witness


def enter(running: Running) -> "contextvars.Token[Running | None]":
    """An attempt begins here; `leave` wants what this returns."""
    _witness.begun(running)
    running.limit.on_stuck = partial(_witness.stuck, running)
    return current.set(running)


def enter_apart(running: Running, context: contextvars.Context) -> None:
    """An attempt begins that runs in a context of its own; `leave_apart` ends it."""
    _witness.begun(running)
    running.limit.on_stuck = partial(_witness.stuck, running)  # of its plain parts
    context.run(current.set, running)


def leave_apart(running: Running) -> None:
    """The attempt has ended."""
    _witness.ended(running)
    running.close()


def beat(running: Running) -> None:
    """Take note of a sign of life."""
    running.limit.beat()
    _witness.goes_on(running)


def leave(running: Running, token: "contextvars.Token[Running | None]") -> None:
    """The attempt has ended."""
    current.reset(token)
    leave_apart(running)


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
