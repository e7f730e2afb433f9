"""Runs told by what they are, and a run told by its steps."""

from typing import Unpack

from workflows.core.errors import RunNotFound
from workflows.core.history import HistoryEntry
from workflows.core.run import RunId, RunView, run_id_of
from workflows.core.run_filter import RunFilter
from workflows.core.running_steps import read_shown
from workflows.core.step_views import StepView, tell_steps
from workflows.definitions.workflow import find_workflow
from workflows.engine.requests.run_filters import read_filter, read_limit
from workflows.source.plan import planned_steps
from workflows.store import found_runs as store
from workflows.store.found_runs import Place
from workflows.store.views import get_history, get_run


def list_runs(
    *,
    limit: int = 100,
    after: RunId | None = None,
    decrypt: bool = True,
    **filter: Unpack[RunFilter],
) -> list[RunView]:
    """Return the newest runs of which all of a filter is true: list_runs(workflow=order, state="failed").

    after: the last run of the page before, for the next one; older runs follow it, whatever has
    happened to it since. Raises InvalidInput, RunNotFound where a run that is named by its id is gone.
    decrypt: as in get_run.
    """
    read_limit(limit)
    place = None if after is None else _place(after)
    return store.list_runs(read_filter(filter), after=place, limit=limit, decrypt=decrypt)


def _place(run: RunId) -> Place:
    if isinstance(run, RunView):
        return Place(run.created_at, run.id)
    run_id = run_id_of(run)
    place = store.place_of(run_id)
    if place is None:
        raise RunNotFound(
            f"no run {run_id}; give the RunView, which knows its place, or begin anew"
        )
    return place


def list_steps(run_id: RunId, *, decrypt: bool = True) -> list[StepView]:
    """Return the steps of a run: those it has come to, then those that its code names and it has
    not: pending, or skipped once it has ended. Raises RunNotFound.

    What the code names is read from its source, as far as this process has the run's version:
    a step that is computed while the code runs is not told before it is reached. A step that has run
    for a second is told with the time of its begin, its host and pid, where its worker's cluster lives.
    decrypt: as in get_run.
    """
    return steps_of(get_run(run_id, decrypt=decrypt), get_history(run_id, decrypt=decrypt))


def steps_of(run: RunView, lines: list[HistoryEntry]) -> list[StepView]:
    """Return what list_steps does, of a run and its history as they were read."""
    definition = find_workflow(run.workflow, run.version)
    planned = () if definition is None else planned_steps(definition.function)
    running = read_shown(run.running_steps, run.attempt)
    return tell_steps(lines, run.state, planned, running)
