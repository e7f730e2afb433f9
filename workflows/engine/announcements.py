"""What several rooms of the engine announce about runs, said in one way.

Sent at once, inside whatever transaction is open: see docs/signals.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from workflows import signals
from workflows.core.asked import Asked
from workflows.core.run import ClaimedRun, RunView
from workflows.core.states import FINAL_STATES, RunState
from workflows.store.sweep import Judged


def run_started(
    run_id: UUID,
    workflow: str,
    version: int,
    *,
    key: str | None = None,
    parent_id: UUID | None = None,
    continues: UUID | None = None,
    forked_from: UUID | None = None,
) -> None:
    """Say that a run's row was inserted."""
    signals.run_started.send_robust(
        sender=RunView,
        run_id=run_id,
        workflow=workflow,
        version=version,
        key=key,
        parent_id=parent_id,
        continues=continues,
        forked_from=forked_from,
    )


def run_claimed(run: ClaimedRun, *, worker_id: int | None) -> None:
    """Say that a drive of the run begins."""
    signals.run_claimed.send_robust(
        sender=ClaimedRun,
        run_id=run.id,
        workflow=run.workflow,
        version=run.version,
        attempt=run.attempt,
        worker_id=worker_id,
        late_seconds=run.late_seconds,
    )


def run_finished(
    run_id: UUID, workflow: str, state: RunState, *, error: Mapping[str, Any] | None = None
) -> None:
    """Say that a run has ended."""
    signals.run_finished.send_robust(
        sender=RunView, run_id=run_id, workflow=workflow, state=state, error=error
    )


def run_blocked(run_id: UUID, workflow: str, *, error: Mapping[str, Any]) -> None:
    """Say that a run waits for a person or a deploy."""
    signals.run_blocked.send_robust(sender=RunView, run_id=run_id, workflow=workflow, error=error)


def run_paused(run_id: UUID, workflow: str, why: Asked) -> None:
    """Say that somebody has asked a run to pause."""
    signals.run_paused.send_robust(
        sender=RunView, run_id=run_id, workflow=workflow, by=why.by, reason=why.reason
    )


def run_resumed(run_id: UUID, workflow: str, why: Asked) -> None:
    """Say that somebody lets a paused run go on."""
    signals.run_resumed.send_robust(
        sender=RunView, run_id=run_id, workflow=workflow, by=why.by, reason=why.reason
    )


def run_retried(run_id: UUID, workflow: str, why: Asked) -> None:
    """Say that somebody lets a failed run go on, or has one driven now that was parked."""
    signals.run_retried.send_robust(
        sender=RunView, run_id=run_id, workflow=workflow, by=why.by, reason=why.reason
    )


def runs_judged(judged: Sequence[Judged]) -> None:
    """Say that runs were taken from lost workers, and what became of each."""
    runs = [(run.id, run.workflow, run.state) for run in judged]
    reasons = [run.reason for run in judged]
    signals.runs_recovered.send_robust(sender=Judged, runs=runs, reasons=reasons)
    for run in judged:
        if run.state == RunState.BLOCKED and run.error is not None:
            run_blocked(run.id, run.workflow, error=run.error)
        elif run.state in FINAL_STATES:
            run_finished(run.id, run.workflow, run.state, error=run.error)
