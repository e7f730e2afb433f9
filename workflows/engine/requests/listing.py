"""Runs told by what they are, and a run told by its steps."""

from collections.abc import Callable, Collection
from typing import Any

from workflows.core.error_kind import ErrorKind
from workflows.core.errors import InvalidInput
from workflows.core.run import RunId, RunView, run_id_of
from workflows.core.running_steps import read_shown
from workflows.core.states import RunState
from workflows.core.step_views import StepView, tell_steps
from workflows.definitions.workflow import find_workflow, workflow_definition
from workflows.source.plan import planned_steps
from workflows.store import views
from workflows.store.views import get_history, get_run


def list_runs(
    *,
    workflow: Callable[..., Any] | str | None = None,
    state: RunState | str | Collection[str] | None = None,
    attributes: dict[str, Any] | None = None,
    parent: RunId | None = None,
    tenant: str | None = None,
    error_kind: ErrorKind | str | None = None,
    limit: int = 100,
) -> list[RunView]:
    """Return the newest runs: of one workflow (its function or its name), in one state or several,
    with these attributes, of this parent or tenant, with an error of this kind. Raises InvalidInput
    for a state or a kind that there is not."""
    name = workflow if workflow is None or isinstance(workflow, str) else _name(workflow)
    return views.list_runs(
        workflow=name,
        states=None if state is None else _states(state),
        attributes=attributes,
        parent=None if parent is None else run_id_of(parent),
        tenant=tenant,
        error_kind=None if error_kind is None else _kind(error_kind),
        limit=limit,
    )


def _kind(given: str) -> str:
    if given not in ErrorKind.values:
        kinds = ", ".join(ErrorKind.values)
        raise InvalidInput(f"there is no kind of error {given!r}; it is one of {kinds}")
    return str(ErrorKind(given).value)


def _name(workflow: Callable[..., Any]) -> str:
    return workflow_definition(workflow).name


def _states(given: str | Collection[str]) -> list[str]:
    states = [given] if isinstance(given, str) else list(given)
    for state in states:
        if state not in RunState.values:
            raise InvalidInput(f"there is no state {state!r}; it is one of {', '.join(RunState)}")
    return states


def list_steps(run_id: RunId) -> list[StepView]:
    """Return the steps of a run: those it has come to, then those that its code names and it has
    not: pending, or skipped once it has ended. Raises RunNotFound.

    What the code names is read from its source, as far as this process has the run's version:
    a step that is computed while the code runs is not told before it is reached. A step that has run
    for a second is told with the time of its begin, its host and pid, where its worker's cluster lives.
    """
    run = get_run(run_id)
    definition = find_workflow(run.workflow, run.version)
    planned = () if definition is None else planned_steps(definition.function)
    running = read_shown(run.running_steps, run.attempt)
    return tell_steps(get_history(run_id), run.state, planned, running)
