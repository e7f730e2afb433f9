"""How a drive may end, and what is then written: a table of values.

The drive names the ending, and in which state it holds the run; the answer says what to write. A
write is refused where the run has been cancelled meanwhile, or belongs to another worker; then the
answer for `cancelling` applies, or nothing more is written.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from workflows.core.errors import ReplayError
from workflows.core.programming_errors import Errors, waits_for_mending
from workflows.core.states import RunState
from workflows.core.unwind import (
    Abandoned,
    Cancelled,
    ContinueAsNew,
    Drain,
    LeaseLost,
    Parked,
    StoreFailed,
    Suspend,
)


class Ending(enum.Enum):
    """How the workflow's code has ended, or how undoing its steps has."""

    RETURNED = enum.auto()
    """It has returned what can be stored."""
    RAISED = enum.auto()
    """It has raised an error; or what it returned or keeps cannot be stored."""
    SUSPENDED = enum.auto()
    """It waits: for time, or for the next attempt of a step."""
    PARKED = enum.auto()
    """It waits for an event, and the run has parked already."""
    CONTINUED = enum.auto()
    """It goes on as a new run."""
    CANCELLED = enum.auto()
    """It has heard that the run was cancelled."""
    DRAINED = enum.auto()
    """The worker stops."""
    LEASE_LOST = enum.auto()
    """A write was refused: the run belongs to somebody else."""
    ABANDONED = enum.auto()
    """A step outlived its time limit in a thread; the process ends, and the run is recovered."""
    MISMATCH = enum.auto()
    """Code and history disagree, or the history cannot be read."""
    CODE_IS_OLDER = enum.auto()
    """The same, and a worker with newer code may come and go on with the run."""
    WRONG_DEFINITION = enum.auto()
    """The code is written in a way that cannot work, or has raised what tells a mistake in it."""
    CODE_MISSING = enum.auto()
    """There is no code for the run here."""
    STORE_FAILED = enum.auto()
    """The database did not answer, or refused what it may take another time."""
    STORE_REFUSED = enum.auto()
    """The database refused values that it would refuse again."""
    INTERRUPTED = enum.auto()
    """The process was told to stop at once."""
    UNDONE = enum.auto()
    """Every completed step that can be undone is undone."""
    CLEANED_UP = enum.auto()
    """The run was cancelled, and every step that was to run at its end has."""
    NOT_UNDONE = enum.auto()
    """A step could not be undone."""


class Write(enum.Enum):
    """What to write of it."""

    PARK = enum.auto()
    COMPLETE = enum.auto()
    FAIL = enum.auto()
    COMPENSATE = enum.auto()
    """Begin to undo the completed steps; the drive goes on with that."""
    CANCEL = enum.auto()
    CONTINUE = enum.auto()
    """Complete the run and start the one that takes over."""
    BLOCK = enum.auto()
    AWAIT_CODE = enum.auto()
    """Set the run down for a while, for a worker with newer code."""
    RELEASE = enum.auto()
    """Give the run back to the queue, due at once."""
    FINISH_UNDOING = enum.auto()
    FINISH_CLEANUP = enum.auto()
    """The run is cancelled, once its cleanup is done."""
    GIVE_UP_UNDOING = enum.auto()
    """The run fails with what stopped its compensation."""
    NOTHING = enum.auto()
    """And nothing is said: it has been written, or somebody else will."""
    TELL_THE_LOSS = enum.auto()
    """Nothing: the run belongs to somebody else, which the listeners are told."""
    RAISE = enum.auto()
    """Nothing: the error goes to whoever called the drive."""


class Answers(NamedTuple):
    """What to write of an ending, by the state in which the drive holds the run."""

    running: Write
    cancelling: Write
    compensating: Write


@dataclass(frozen=True, kw_only=True)
class UndoWhen:
    """When the run undoes its completed steps instead of ending."""

    failed: bool = False
    """Its workflow says on_failure="compensate", and a step has completed that can be undone."""
    cancelled: bool = False
    """Its workflow says on_cancel="compensate", or there are steps to be run at its end."""


_, _W = Ending, Write
_LOST = _W.TELL_THE_LOSS
ANSWERS: Mapping[Ending, Answers] = {
    # An end of the workflow's code, where the run compensates: somebody else has turned it to that.
    _.RETURNED: Answers(_W.COMPLETE, _W.CANCEL, _LOST),
    _.RAISED: Answers(_W.FAIL, _W.CANCEL, _LOST),
    _.SUSPENDED: Answers(_W.PARK, _W.CANCEL, _W.PARK),
    _.PARKED: Answers(_W.NOTHING, _W.NOTHING, _W.NOTHING),
    _.CONTINUED: Answers(_W.CONTINUE, _W.CANCEL, _LOST),
    # Heard of a run that is not being cancelled: its row tells another story by now.
    _.CANCELLED: Answers(_LOST, _W.CANCEL, _LOST),
    _.DRAINED: Answers(_W.RELEASE, _W.CANCEL, _W.RELEASE),
    _.LEASE_LOST: Answers(_LOST, _LOST, _LOST),
    _.ABANDONED: Answers(_W.NOTHING, _W.NOTHING, _W.NOTHING),
    _.MISMATCH: Answers(_W.BLOCK, _W.CANCEL, _W.GIVE_UP_UNDOING),
    _.CODE_IS_OLDER: Answers(_W.AWAIT_CODE, _W.CANCEL, _W.AWAIT_CODE),
    _.WRONG_DEFINITION: Answers(_W.BLOCK, _W.CANCEL, _LOST),
    # Only who claims a run by its id meets this; the lease of a compensation then runs out.
    _.CODE_MISSING: Answers(_W.BLOCK, _W.CANCEL, _W.NOTHING),
    _.STORE_FAILED: Answers(_W.RAISE, _W.RAISE, _W.RAISE),
    _.STORE_REFUSED: Answers(_W.BLOCK, _W.CANCEL, _W.GIVE_UP_UNDOING),
    _.INTERRUPTED: Answers(_W.RAISE, _W.RAISE, _W.RAISE),
    # Said of a compensation only.
    _.UNDONE: Answers(_LOST, _LOST, _W.FINISH_UNDOING),
    _.CLEANED_UP: Answers(_LOST, _LOST, _W.FINISH_CLEANUP),
    _.NOT_UNDONE: Answers(_LOST, _LOST, _W.GIVE_UP_UNDOING),
}

_S = RunState
MOVES: Mapping[Write, Mapping[RunState, RunState]] = {
    _W.PARK: {_S.RUNNING: _S.WAITING, _S.COMPENSATING: _S.COMPENSATING},
    _W.COMPLETE: {_S.RUNNING: _S.COMPLETED},
    _W.FAIL: {_S.RUNNING: _S.FAILED},
    _W.COMPENSATE: {_S.RUNNING: _S.COMPENSATING, _S.CANCELLING: _S.COMPENSATING},
    _W.CANCEL: {_S.CANCELLING: _S.CANCELLED},
    _W.CONTINUE: {_S.RUNNING: _S.COMPLETED},
    _W.BLOCK: {_S.RUNNING: _S.BLOCKED},
    _W.AWAIT_CODE: {_S.RUNNING: _S.WAITING, _S.COMPENSATING: _S.COMPENSATING},
    _W.RELEASE: {_S.RUNNING: _S.PENDING, _S.COMPENSATING: _S.COMPENSATING},
    _W.FINISH_UNDOING: {_S.COMPENSATING: _S.COMPENSATED},
    _W.FINISH_CLEANUP: {_S.COMPENSATING: _S.CANCELLED},
    _W.GIVE_UP_UNDOING: {_S.COMPENSATING: _S.FAILED},
    _W.NOTHING: {},
    _W.TELL_THE_LOSS: {},
    _W.RAISE: {},
}
"""From which held states each is written, and where it leads."""


def what_to_write(ending: Ending, held: RunState, undo: UndoWhen) -> Write:
    """Return the one answer for an ending. held: running, cancelling or compensating."""
    write: Write = getattr(ANSWERS[ending], held.value)
    if (write is Write.FAIL and undo.failed) or (write is Write.CANCEL and undo.cancelled):
        return Write.COMPENSATE
    return write


_OF_ERRORS: tuple[tuple[type[BaseException], Ending], ...] = (
    (Parked, _.PARKED),
    (Suspend, _.SUSPENDED),
    (Cancelled, _.CANCELLED),
    (Drain, _.DRAINED),
    (LeaseLost, _.LEASE_LOST),
    (ContinueAsNew, _.CONTINUED),
    (Abandoned, _.ABANDONED),
    (StoreFailed, _.STORE_FAILED),
    (ReplayError, _.MISMATCH),
    (KeyboardInterrupt, _.INTERRUPTED),
)


def ending_of(why: BaseException, fails_on: Errors = ()) -> Ending:
    """Return which ending it is that the workflow's code was unwound by this. fails_on: the
    programming errors that end the run, as its workflow says."""
    if waits_for_mending(why, fails_on):
        return _.WRONG_DEFINITION
    return next((ending for kind, ending in _OF_ERRORS if isinstance(why, kind)), _.RAISED)
