"""What unwinds workflow code. Not errors: never catch them.

Unwind (BaseException)
├── Suspend                  the run parks
├── Parked                   the run has parked
├── Cancelled                the run was cancelled
├── Drain                    the worker stops; the run goes on elsewhere
├── LeaseLost                another worker has the run; write nothing
├── ContinueAsNew            the run ends and a new one takes over
├── Abandoned                a step outlived its time limit in a thread; the process ends
├── EndOfHistory             a replay that may do nothing new has reached the new
└── StoreFailed              the database did not answer; what was committed stands
    └── LostInStep           the connection broke inside an atomic step
StepStopped                  unwinds a step, and not its workflow: the run was cancelled
"""

from collections.abc import Sequence
from typing import Any


class Unwind(BaseException):
    """Base of what unwinds workflow code. `except Exception` does not see it."""


class StepStopped(BaseException):
    """Raised by heartbeat() in a step that stops on cancel, once its run is cancelled. `except Exception`
    does not see it. Clean up (`finally`, `except StepStopped`) and let it pass; a step that returns all
    the same has completed."""

    def __init__(self, message: str = "the run was cancelled while the step ran") -> None:
        super().__init__(message)


class Cancelled(Unwind):
    """The run was cancelled while it was driven."""


class Drain(Unwind):
    """The worker was told to stop; the run goes back to the queue."""


class LeaseLost(Unwind):
    """The run has been given to another worker, or has ended. Nothing more may be written."""


class EndOfHistory(Unwind):
    """Everything recorded has been replayed; what follows would be new."""


class Abandoned(Unwind):
    """A step in a thread outlived its time limit and cannot be stopped. Nothing is written; the
    process ends, the run is recovered and the crash counted."""


class ContinueAsNew(Unwind):
    """The run ends here; a new one of the same workflow takes over with another input (a
    core.signature.Input). keeps: the children (core.kept_children) that go along."""

    def __init__(self, input: Any, keeps: Sequence[Any] = ()) -> None:
        super().__init__(input, keeps)
        self.input, self.keeps = input, keeps


class StoreFailed(Unwind):
    """The engine's own write or read failed. cause is the database error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


class Parked(Unwind):
    """The run waits for an event. It has parked already, and may be driven elsewhere by now."""


class LostInStep(StoreFailed):
    """The connection broke inside an atomic step, whose transaction is gone with it. No attempt is
    used; the loss counts as a crash, for the case that the step is what breaks it. since: when the step
    began, by this host's monotonic clock: the connection may have broken at any time from then on."""

    def __init__(self, cause: Exception, since: float) -> None:
        super().__init__(cause)
        self.since = since


class Suspend(Unwind):
    """The run parks. park says until when (a core.run.Park)."""

    def __init__(self, park: Any) -> None:
        super().__init__(park)
        self.park = park
