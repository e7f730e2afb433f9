"""The states of a run and the moves allowed between them."""

from collections.abc import Mapping

from django.db.models import TextChoices


class RunState(TextChoices):
    """Where a run is in its life."""

    PENDING = "pending"
    """Due: the next free worker drives it."""
    RUNNING = "running"
    """A worker holds its lease and drives it."""
    WAITING = "waiting"
    """Parked until a timer, an event or the next attempt of a step. Holds nothing but its row."""
    PAUSED = "paused"
    """Set aside by a person until `resume`: nothing that falls due meanwhile wakes it."""
    BLOCKED = "blocked"
    """Needs a person or a deploy: the code is wrong, it disagrees with history, or workers die of it."""
    COMPLETED = "completed"
    """Returned. Final."""
    FAILED = "failed"
    """Raised, or its compensation failed. Final, but for `compensate` and `retry`."""
    CANCELLING = "cancelling"
    """Cancelled while a worker drives it; the drive ends at its next durable operation."""
    CANCELLED = "cancelled"
    """Stopped on request. Final, but for `compensate`; and for the `retry` of a parent whose failure
    has cancelled it."""
    COMPENSATING = "compensating"
    """Undoing completed steps, last first, or cleaning up after a cancel; driven, or parked for the next
    attempt."""
    COMPENSATED = "compensated"
    """Every completed step that could be undone is undone. Final."""


_ = RunState
RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    _.PENDING: frozenset({_.RUNNING, _.PAUSED, _.CANCELLED, _.COMPENSATING}),
    _.RUNNING: frozenset(
        {
            _.PENDING,
            _.WAITING,
            _.PAUSED,
            _.BLOCKED,
            _.COMPLETED,
            _.FAILED,
            _.CANCELLING,
            _.COMPENSATING,
        }
    ),
    _.WAITING: frozenset({_.RUNNING, _.PAUSED, _.CANCELLED, _.COMPENSATING}),
    _.PAUSED: frozenset({_.PENDING, _.WAITING, _.CANCELLED, _.COMPENSATING}),
    _.BLOCKED: frozenset({_.PENDING, _.CANCELLED, _.COMPENSATING}),
    _.CANCELLING: frozenset({_.CANCELLED, _.COMPENSATING}),
    _.COMPENSATING: frozenset({_.COMPENSATED, _.FAILED, _.CANCELLED}),
    _.COMPLETED: frozenset(),
    _.FAILED: frozenset({_.COMPENSATING, _.PENDING}),
    _.CANCELLED: frozenset({_.COMPENSATING, _.PENDING}),
    _.COMPENSATED: frozenset(),
}
FINAL_STATES = frozenset({_.COMPLETED, _.FAILED, _.CANCELLED, _.COMPENSATED})
"""One outcome, written once. Only an operator's `compensate` or `retry` leads on, from failed or
cancelled."""
DUE_STATES = frozenset({_.PENDING, _.WAITING, _.COMPENSATING})
"""A run in one of these is claimed once its wake_at has passed."""
HELD_STATES = frozenset({_.RUNNING, _.CANCELLING, _.COMPENSATING})
"""A worker may hold the lease of a run in one of these; only then may a drive write."""
FORWARD_STATES = HELD_STATES - {_.COMPENSATING}
"""A drive goes through the workflow's code, even if it has been asked to stop."""
PARKABLE_STATES = HELD_STATES - {_.CANCELLING}
"""A drive may let go of a run in one of these: to wait, or for another worker."""
CANCELLABLE_STATES = frozenset({_.PENDING, _.WAITING, _.PAUSED, _.BLOCKED, _.RUNNING})
"""A run in one of these can be asked to stop; one that was driven is then cancelling."""
PAUSABLE_STATES = frozenset({_.PENDING, _.WAITING, _.RUNNING})
"""A run in one of these can be paused; one that is driven goes on to its next durable operation."""
UNDOABLE_STATES = frozenset({_.FAILED, _.CANCELLED})
"""A run that ended in one of these may still undo its steps, by an operator's `compensate`."""
DEAF_STATES = FINAL_STATES | {_.COMPENSATING}
"""No event reaches a run in one of these."""


def may_move(old: RunState, new: RunState) -> bool:
    """Say whether a run may go from old to new."""
    return new in RUN_MOVES[old]
