"""A run told by its steps."""

from uuid import UUID

from workflows.core.steps import StepView, tell_steps
from workflows.plan import planned_steps
from workflows.registry import find_workflow
from workflows.store.views import get_history, get_run


def list_steps(run_id: UUID) -> list[StepView]:
    """Return the steps of a run: those it has come to, then those that its code names and it has
    not: pending, or skipped once it has ended. Raises RunNotFound.

    What the code names is read from its source, as far as this process has the run's version:
    a step that is computed while the code runs is not told before it is reached.
    """
    run = get_run(run_id)
    definition = find_workflow(run.workflow, run.version)
    planned = () if definition is None else planned_steps(definition.function)
    return tell_steps(get_history(run_id), run.state, planned)
