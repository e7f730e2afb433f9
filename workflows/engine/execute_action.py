"""Execute a registered action from anywhere, at most once per key."""

import time
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from workflows.conf import conf
from workflows.core.errors import InvalidInput, KeyConflict, RequestError, StepFailed, WaitTimedOut
from workflows.core.history import HistoryKind
from workflows.core.lines import step_failure
from workflows.core.run import ClaimedRun, RunView
from workflows.core.sealed import readable
from workflows.core.states import RunState
from workflows.core.unwind import LostInStep, StoreFailed
from workflows.definitions.action import Action, find_action
from workflows.definitions.workflow import workflow
from workflows.definitions.workflow_guard import refuse
from workflows.engine import announcements
from workflows.engine.attempts.running_step import outside_of_steps
from workflows.engine.drive.drive import drive
from workflows.engine.requests.start import start
from workflows.engine.session.connection_loss import hand_back, is_lost
from workflows.engine.verbs.context import Context
from workflows.store.fence import callers_lock_timeout
from workflows.store.queue import claim_run
from workflows.store.views import get_history, get_run

POLL_SECONDS = 0.02


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
    DefinitionError for an unknown name and InvalidInput before anything runs; KeyConflict for a key
    used with other parameters; StepFailed when the action failed (also at every later call with the
    key); WaitTimedOut; RequestError for an action that is not atomic inside a transaction, whose
    rollback would forget that it ran.
    """
    refuse("calls execute_action()", f"write run.actions.{name}(…)")
    if not isinstance(key, str) or not key:
        raise InvalidInput("execute_action: give a key")
    found, given = find_action(name), parameters or {}
    found.check(given)
    _check_transaction(found)
    try:
        run = start(run_action, key=f"{name}:{key}", name=name, parameters=given)
    except KeyConflict:
        raise KeyConflict(
            f"key {key!r} of action {name!r} was used with other parameters; use a new key"
        ) from None
    with callers_lock_timeout():
        ended = _driven(run.id, timeout_seconds)
    return _result(found, ended)


def _check_transaction(action: Action) -> None:
    """An atomic action goes with the caller's transaction; any other needs its record to stay."""
    if action.step.atomic or not connection.in_atomic_block:
        return
    try:
        with transaction.atomic(durable=True):  # lets the transactions of test cases pass
            return
    except RuntimeError:
        raise RequestError(
            f"action {action.name!r} is not atomic: execute it outside transaction.atomic()"
        ) from None


def _driven(run_id: UUID, timeout_seconds: float) -> RunView:
    """Drive the run here whenever it is due, until it has ended, or needs a person."""
    give_up_at = time.monotonic() + timeout_seconds
    lease_seconds = timeout_seconds + conf().lease_seconds
    while not (run := get_run(run_id)).is_over and run.state != RunState.BLOCKED:
        claimed = claim_run(worker_id=None, lease_seconds=lease_seconds, only=run_id)
        if claimed is not None:
            announcements.run_claimed(claimed, worker_id=None)
            _drive_here(claimed)
        elif time.monotonic() >= give_up_at:
            raise WaitTimedOut(f"the action (run {run_id}) has not ended; ask again with its key")
        else:
            time.sleep(POLL_SECONDS)
    return run


def _drive_here(run: ClaimedRun) -> None:
    """Drive the run in this process. Raises what the database raised: with the same key, the caller
    goes on where this has come to."""
    try:
        with outside_of_steps():
            drive(run)
    except StoreFailed as failed:
        if not connection.in_atomic_block:  # a caller's transaction takes the run along
            lost = isinstance(failed, LostInStep) or is_lost(failed.cause)
            hand_back(run, failed=failed.cause, lost=lost)
        raise failed.cause from None


def _result(action: Action, run: RunView) -> Any:
    if run.state == RunState.COMPLETED:
        return action.step.signature.result.from_plain(readable(run.output))
    for entry in get_history(run.id):
        if entry.kind == HistoryKind.STEP_FAILED:
            raise step_failure(entry).raised(action.name)
    error = run.error or {
        "type": run.state.value,
        "message": f"the run of the action is {run.state}",
    }
    raise StepFailed(action.name, error["type"], error["message"], run.attempt)
