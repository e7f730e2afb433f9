"""What the engine announces. docs/signals.md has the table, and the rules for receivers.

Receivers must be quick: they run where the thing happens. One that raises is logged and passed over.
"""

from django.dispatch import Signal


class Announcement(Signal):
    """A signal that names what it says; a receiver takes these as keywords, besides sender."""

    def __init__(self, *fields: str) -> None:
        super().__init__()
        self.fields = fields


# Runs

run_started = Announcement(
    "run_id", "workflow", "version", "key", "parent_id", "continues", "forked_from"
)
"""A run's row was inserted. key (None without one), parent_id (None: nobody's child), continues (the
run that ended by continue_as_new, or None), forked_from (the run that it was forked from, or None)."""
run_claimed = Announcement("run_id", "workflow", "version", "attempt", "worker_id", "late_seconds")
"""A drive begins. worker_id (None outside a cluster), late_seconds: how long the run had been due."""
run_finished = Announcement("run_id", "workflow", "state", "error")
"""A run has ended. error (None or type/message/traceback; of a compensated run, what it had failed
with)."""
run_blocked = Announcement("run_id", "workflow", "error")
"""A run waits for a person or a deploy. error (type/message)."""
run_paused = Announcement("run_id", "workflow", "by", "reason")
"""Somebody has asked a run to pause, or its parent. One that a worker drives goes on to its next operation."""
run_resumed = Announcement("run_id", "workflow", "by", "reason")
"""Somebody lets a paused run go on, or its parent."""
run_retried = Announcement("run_id", "workflow", "by", "reason")
"""Somebody lets a failed run go on from what failed, or its parent; or has a waiting, blocked or put-off one
driven now."""
runs_recovered = Announcement("runs", "reasons")
"""Runs of lost workers were judged. runs: list of (run_id, workflow, state it is in now)."""
newer_code_awaited = Announcement("run_id", "workflow", "what")
"""A run is ahead of this worker's code and waits for newer code. Told once for each time it comes to
that. what (the patch, or the kind of line, that the code does not know)."""
code_missing = Announcement("workflow", "version", "runs", "run_id", "pool")
"""Due runs are driven by nobody: no living worker has their code and serves their pool. Told once by each
pusher. runs (how many), run_id (the one that has been due longest), pool (None: the default, or
the pusher has no code for them either)."""
history_long = Announcement("run_id", "workflow", "operations")
"""A run has more operations behind it than the setting `many_operations`. Told once for each run.
operations (how many)."""
runs_pruned = Announcement("runs")
"""A cluster has deleted runs that ended long ago, as the setting `retention` says. Told at the end of a
round. runs (how many)."""

# Schedules

schedule_passed_over = Announcement("schedule", "skipped", "missed")
"""Ticks of a schedule have no run. skipped (so many: the run before them was open), missed (so many: for longer
than catch_up_seconds nobody could start them)."""
schedule_failed = Announcement("schedule", "error")
"""A schedule could not start its run, or cancel the one before it; it is tried again. error (the exception)."""
schedule_late = Announcement("schedule", "workflow", "seconds")
"""No cluster starts a schedule that is due: none that lives has code for its workflow. Told once by each
pusher. seconds (how long it has been due)."""
schedule_paused = Announcement("schedule", "by", "note")
"""A schedule was paused. by ("workflows": a run of it failed), note."""
schedule_resumed = Announcement("schedule", "by", "reason")
"""A schedule was resumed."""
schedule_triggered = Announcement("schedule", "runs", "by", "reason")
"""Somebody has had runs started by hand, or ticks of the past made good. runs: their ids; those that wait for others
have none yet."""
schedule_changed = Announcement("schedule", "by")
"""A schedule was made, changed, removed or brought back. by ("code": by what the code says)."""

# Steps

step_completed = Announcement(
    "run_id", "workflow", "step", "position", "attempt", "seconds", "undo"
)
"""A step's result was recorded. seconds: how long this attempt of its function took; undo: it was the
compensation of the step at this position."""
attempt_failed = Announcement("run_id", "workflow", "step", "attempt", "error", "retry_in_seconds")
"""An attempt of a step failed. error (type/message/traceback), retry_in_seconds (None: the last)."""
heartbeat_unheard = Announcement("run_id", "step", "error")
"""The database did not take a step's heartbeat; the step goes on. error (the exception)."""
chunks_lost = Announcement("run_id", "chunks", "error")
"""The database did not take what a run's steps emitted; they go on. chunks (how many), error (the
exception)."""
hook_failed = Announcement("run_id", "step", "error")
"""An on_commit hook of an atomic step raised after the commit; the step stands. error (the
exception)."""

# Drives

lease_lost = Announcement("run_id", "workflow", "attempt")
"""A drive found that its run belongs to another worker; it wrote nothing."""
drive_abandoned = Announcement("run_id", "workflow", "error")
"""The database did not answer during a drive. error (the exception)."""
drive_refused = Announcement("run_id", "workflow", "error", "retry_in_seconds")
"""The database answered a drive's own statement with an error. error (the exception),
retry_in_seconds (None: the run is left to the sweep)."""
claim_abandoned = Announcement("error")
"""The database did not answer a worker's look at the queue, and not the one before either. error (the
exception)."""
claim_refused = Announcement("error")
"""The database answered a look at the queue with an error; nothing was claimed. error (the
exception)."""

# Workers

worker_came = Announcement("worker_id", "host", "pid")
"""A worker process has taken an id, and claims runs under it. After a cut of its connection it
takes another."""
worker_went = Announcement("worker_id", "host", "pid")
"""A worker's id is no longer held by anybody: it stopped, died, or took another. Told once in the
fleet, by whichever pusher notices."""
worker_failed = Announcement("error")
"""A worker failed between two runs and goes on. error (the exception)."""
lease_not_extended = Announcement("run_id", "error")
"""The lease of the run that is being driven could not be extended. error (the exception)."""
liveness_failed = Announcement("error")
"""A worker failed to look after its id, for a reason of its own; it tries on. error (the
exception)."""

# The cluster

database_away = Announcement("error")
"""The pusher cannot reach the database: told at the first try, then every 30 s. error (the
exception)."""
tables_missing = Announcement("error")
"""The database lacks tables or columns of ours: told like database_away. error (the exception)."""
database_hangs = Announcement("waits_for", "since", "seconds")
"""The pusher waits for an answer and gets neither one nor an error: told after 5 s, then every 30 s.
waits_for (what of the pusher's), since (when it asked), seconds (how long ago that is)."""
database_back = Announcement()
"""The pusher is served again."""
bell_failed = Announcement("error")
"""The pusher failed, for a reason of its own; it tries on. error (the exception)."""
chore_failed = Announcement("chore", "error")
"""One of the pusher's chores failed: told at the first time, then every 30 s. chore (its name), error
(the exception)."""
cluster_stalled = Announcement()
"""Tasks wait while workers idle; the cluster ends itself and starts again."""
sentinel_hung = Announcement()
"""The sentinel gives no sign of life; it is killed and the cluster starts again."""
cluster_died = Announcement("restart_in_seconds")
"""The cluster's processes have ended by themselves and are started again."""
