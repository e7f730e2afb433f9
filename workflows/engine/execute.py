"""Execute a registered action from anywhere, at most once per key."""

import time
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows.actions import find_action
from workflows.conf import conf
from workflows.core.errors import InvalidInput, StepFailed, WaitTimedOut
from workflows.core.run import RunView
from workflows.core.states import RunState
from workflows.engine.context import Context
from workflows.engine.drive import drive
from workflows.engine.start import start
from workflows.registry import workflow
from workflows.store.runs import claim_run
from workflows.store.views import get_run

POLL_SECONDS = 0.05


@workflow("workflows.action")
def run_action(run: Context, name: str, parameters: dict[str, Any]) -> Any:
    """The run behind one execution of an action: its key, its record, its result."""
    return getattr(run.actions, name)(**parameters)


def execute_action(
    name: str,
    *,
    key: str,
    parameters: dict[str, Any] | None = None,
    timeout_seconds: float = 60.0,
) -> Any:
    """Execute an action and return its result; for a key that is known, the recorded result.

    Runs in this process. Where another executes the same key now, waits for it. Raises
    InvalidInput before anything runs, KeyConflict for a key used with other parameters, StepFailed
    when the action failed (also at every later call with the key), WaitTimedOut.
    """
    if not key:
        raise InvalidInput("execute_action: give a key")
    given = parameters or {}
    find_action(name).check(given)
    run = start(run_action, key=f"{name}:{key}", name=name, parameters=given)
    claimed = claim_run(
        worker_id=None, lease_seconds=timeout_seconds + conf().lease_seconds, only=run.id
    )
    if claimed is not None:
        drive(claimed)
    return _result(name, _ended(run.id, timeout_seconds))


def _ended(run_id: UUID, timeout_seconds: float) -> RunView:
    give_up_at = time.monotonic() + timeout_seconds
    while not (run := get_run(run_id)).is_over:
        if time.monotonic() >= give_up_at or transaction.get_connection().in_atomic_block:
            raise WaitTimedOut(f"the action (run {run_id}) has not ended; ask again with its key")
        time.sleep(POLL_SECONDS)
    return run


def _result(name: str, run: RunView) -> Any:
    if run.state == RunState.COMPLETED:
        return find_action(name).step.signature.result.from_plain(run.output)
    error = run.error or {"type": run.state, "message": "the action was cancelled"}
    raise StepFailed(name, error["type"], error["message"], run.attempt)
