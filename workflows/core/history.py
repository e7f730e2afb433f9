"""A line of history: what it states, and where it stands."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class HistoryKind(enum.StrEnum):
    """What a line of history states."""

    STEP_COMPLETED = "step_completed"
    """data: output."""
    STEP_STARTED = "step_started"
    """Only of a step that runs at most once: its one attempt begins."""
    STEP_FAILED = "step_failed"
    """The step failed for good. data: error, attempts, permanent."""
    ATTEMPT_FAILED = "attempt_failed"
    """An attempt failed and another follows. data: attempt, attempts, error, retry_at."""
    WAIT_STARTED = "wait_started"
    """data: names, until (None without a time limit)."""
    EVENT_RECEIVED = "event_received"
    """name: the event's. data: payload; by, tenant, run (who sent it), where that is known."""
    EVENT_SENT = "event_sent"
    """The run has sent an event. name: the event's. data: run (that took it), arguments."""
    EVENT_REFUSED = "event_refused"
    """The event that the run would send was refused. data: error, arguments."""
    WAIT_TIMED_OUT = "wait_timed_out"
    SLEEP_STARTED = "sleep_started"
    """data: until."""
    SLEEP_ENDED = "sleep_ended"
    STATUS_SET = "status_set"
    """name: the label."""
    GROUP_STARTED = "group_started"
    """A gather or graph began. data: names of its steps, in the order of their positions."""
    CHILD_STARTED = "child_started"
    """name: the child's workflow. data: run (its id), detached."""
    UPDATE_RECEIVED = "update_received"
    """Its handler accepts an update. name: the update's. data: payload, event (its id)."""
    UPDATE_ANSWERED = "update_answered"
    """The handler has returned or raised. data: output, or error."""
    CLEANUP_SET = "cleanup_set"
    """name: the step that is to run when the run ends. How that went stands where a compensation's would."""
    PATCH_TAKEN = "patch_taken"
    """name: the patch's id. Runs without this line go on with the code before the patch."""
    COMPENSATION_COMPLETED = "compensation_completed"
    """A completed step was undone. data: output."""
    COMPENSATION_ATTEMPT_FAILED = "compensation_attempt_failed"
    """data: attempt, attempts, error, retry_at (None: the last of this round)."""
    RECOVERED = "recovered"
    """A worker was lost; the run went back to the queue. data: worker, crashes, reason, steps (it was in)."""
    BLOCKED = "blocked"
    """data: error; steps, where the loss of a worker in them was one too many."""
    COMPENSATION_STARTED = "compensation_started"
    """data: by (who asked), reason, via, error (what the run failed with), again (it is tried again then)."""
    CODE_AWAITED = "code_awaited"
    """The code at hand is older than the run: it waits for a worker with newer code. name: the patch,
    or the kind of line, that this code does not know. data: problem, until (the next try)."""
    PAUSED = "paused"
    """Somebody has asked the run to pause. data: by, reason, via."""
    RESUMED = "resumed"
    """data: by, reason, via."""
    RETRIED = "retried"
    """A failed run goes on: what is recorded at these positions before counts no more. data: by, reason,
    via, positions."""
    FORKED = "forked"
    """The run was made of another: what stands before this line is that one's. data: run (its id), before
    (the first position that is the run's own), created_at (of the first run, where that was a fork too),
    inputs (those that were changed), by, reason, via."""
    WOKEN = "woken"
    """An operator asked for the next attempt now. data: by, reason, via."""
    CANCEL_REQUESTED = "cancel_requested"
    """data: by, reason, via."""
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    """data: error."""
    RUN_CANCELLED = "run_cancelled"
    RUN_COMPENSATED = "run_compensated"
    CONTINUED = "continued"
    """The run went on as a new one, or is tried again as one. data: run (its id). Of that one, where the first had kept any, and of a
    run that was started with attributes: it began with these. data: data, attributes."""
    CHILDREN_KEPT = "children_kept"
    """The run before it in its chain has handed its children on. data: children (id and workflow of each, in
    order)."""
    UNKNOWN = "unknown"
    """Never written: what is read of a line whose kind only a newer engine knows. name: that kind."""


_ = HistoryKind
OPERATION = {
    _.STEP_COMPLETED: "step",
    _.STEP_FAILED: "step",
    _.ATTEMPT_FAILED: "step",
    _.STEP_STARTED: "step",
    _.WAIT_STARTED: "wait",
    _.EVENT_RECEIVED: "wait",
    _.WAIT_TIMED_OUT: "wait",
    _.EVENT_SENT: "send",
    _.EVENT_REFUSED: "send",
    _.SLEEP_STARTED: "sleep",
    _.SLEEP_ENDED: "sleep",
    _.STATUS_SET: "status",
    _.GROUP_STARTED: "group",
    _.CHILD_STARTED: "child",
    _.CLEANUP_SET: "on_end",
    _.PATCH_TAKEN: "patch",
    _.UPDATE_RECEIVED: "update",
    _.UPDATE_ANSWERED: "update",
}
"""Which durable operation of workflow code a line belongs to. Other lines are about the run."""


UNDO = 1_000_000
"""Added to the part of a line about the compensation of the step at its position."""
RETRY = 2 * UNDO
"""Added to the part of each line for every time that the run had been retried before: a position that is
done again has lines of its own, and the old ones stay."""
MOST_RETRIES = 1_000
"""Of one run; the number of a part is a 32-bit one."""


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One line of history."""

    id: int
    position: int | None
    """Which durable operation of the code it belongs to, from 1; None: about the run itself."""
    part: int
    """0: the outcome of the operation; 1 and up: what happened before it (attempts, waiting)."""
    kind: HistoryKind
    name: str
    data: dict[str, Any]
    at: datetime

    @property
    def place(self) -> int:
        """Its part, whatever number of retries it was written after."""
        return self.part % RETRY

    @property
    def is_undo(self) -> bool:
        """Whether it is about the compensation of the step at its position."""
        return self.place >= UNDO
