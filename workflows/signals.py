"""What the engine announces.

Receivers must be quick: they run inside the drive. One that raises is logged and passed over.
"""

from django.dispatch import Signal

run_finished = Signal()
"""A run has ended. run_id, workflow, state, error (None or type/message/traceback)."""
run_blocked = Signal()
"""A run waits for a person or a deploy. run_id, workflow, error."""
attempt_failed = Signal()
"""An attempt of a step failed. run_id, workflow, step, attempt, error, retry_in_seconds (None: the last)."""
lease_lost = Signal()
"""A drive found that its run belongs to another worker; it wrote nothing. run_id, workflow, attempt."""
drive_abandoned = Signal()
"""The database did not answer during a drive. run_id, workflow, error (the exception)."""
drive_refused = Signal()
"""The database answered a drive's own statement with an error. run_id, workflow, error (the exception),
retry_in_seconds (None: the run is left to the sweep)."""
claim_refused = Signal()
"""The database answered a look at the queue with an error; nothing was claimed. error."""
heartbeat_unheard = Signal()
"""The database did not take a step's heartbeat; the step goes on. run_id, step, error."""
hook_failed = Signal()
"""An on_commit hook of an atomic step raised after the commit; the step stands. run_id, step, error."""
newer_code_awaited = Signal()
"""A run is ahead of this worker's code and waits for newer code. Told once for each time it comes to
that. run_id, workflow, what (the patch, or the kind of line, that the code does not know)."""
runs_recovered = Signal()
"""Runs of lost workers went back to the queue. runs: list of (run_id, workflow, state)."""
