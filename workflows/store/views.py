"""Runs as the outside reads them."""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from workflows.core.errors import RunNotFound
from workflows.core.history import HistoryEntry
from workflows.core.run import RunId, RunView, run_id_of
from workflows.core.states import FINAL_STATES, RunState
from workflows.models import Run
from workflows.store.history import load_history


def get_run(run_id: RunId) -> RunView:
    """Return a run. Raises RunNotFound."""
    run_id = run_id_of(run_id)
    try:
        return _view(Run.objects.counting_crashes().get(pk=run_id))
    except Run.DoesNotExist:
        raise RunNotFound(f"no run {run_id}") from None


def get_history(run_id: RunId) -> list[HistoryEntry]:
    """Return everything a run has done, oldest first. Raises RunNotFound."""
    run_id = run_id_of(run_id)
    entries = load_history(run_id)
    if not entries:
        get_run(run_id)
    return entries


def list_runs(
    *,
    workflow: str | None = None,
    states: Collection[str] | None = None,
    attributes: dict[str, Any] | None = None,
    parent: UUID | None = None,
    limit: int = 100,
) -> list[RunView]:
    """Return the newest runs: of one workflow, some states or a parent, with these attributes."""
    wanted: dict[str, Any] = {}
    if workflow is not None:
        wanted["workflow"] = workflow
    if states is not None:
        wanted["state__in"] = states
    if attributes:
        wanted["attributes__contains"] = attributes
    if parent is not None:
        wanted["parent_id"] = parent
    runs = Run.objects.counting_crashes().filter(**wanted)
    return [_view(run) for run in runs.order_by("-created_at")[:limit]]


def _view(run: Any) -> RunView:
    return RunView(
        id=run.id,
        workflow=run.workflow,
        version=run.version,
        state=RunState(run.state),
        status=run.status,
        key=run.key,
        input=run.defaults | run.input,
        defaults=run.defaults,
        output=run.output,
        error=run.error,
        wake_at=run.wake_at,
        deadline=run.deadline,
        waiting_for=tuple(run.waiting_for),
        compensation_error=run.compensation_error,
        data=run.data,
        attributes=run.attributes,
        progress=run.progress,
        heartbeat=run.heartbeat,
        parent_id=run.parent_id,
        continued_as=run.continued_as,
        attempt=run.attempt,
        crashes=run.crashes_in_a_row,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def iterate_open_runs() -> Iterator[UUID]:
    """Yield the ids of all runs that have not ended, oldest first, a thousand at a time."""
    open_runs = Run.objects.exclude(state__in=[state.value for state in FINAL_STATES])
    yield from open_runs.order_by("created_at").values_list("id", flat=True).iterator(1000)
