"""The outline of a workflow: made once for each function, and never an error."""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from workflows.core.errors import UnknownWorkflow
from workflows.definitions.workflow import WorkflowDefinition, find_workflow, workflow_definition
from workflows.picture.budget import Budget
from workflows.picture.parts import Act, ActKind, Outline, Part
from workflows.picture.read_code import read_function
from workflows.source.parsing import body_of


def load_outline(workflow: Callable[..., Any] | str, version: int | None = None) -> Outline:
    """Return what a workflow does, told from its source: steps, waits, branches, loops, children.

    workflow: the function, or a name; version: None for the function's own, or the newest of the name.
    What only a run would tell is an unknown step. Raises UnknownWorkflow.
    """
    definition = workflow_definition(workflow)
    if version is not None and version != definition.version:
        found = find_workflow(definition.name, version)
        if found is None:
            raise UnknownWorkflow(
                f"there is no code here for version {version} of workflow {definition.name!r}; the "
                f"newest is {definition.version}"
            )
        definition = found
    return outline_of(definition)


def outline_of(definition: WorkflowDefinition) -> Outline:
    """Return the outline of a workflow. Code that only a run would tell becomes an unknown step; so
    does all of it where there is no source."""
    readable, body = _read(definition.function)
    return Outline(
        workflow=definition.name, version=definition.version, readable=readable, body=body
    )


@functools.cache
def _read(function: FunctionType) -> tuple[bool, tuple[Part, ...]]:
    line = function.__code__.co_firstlineno
    nobody_knows = Act(kind=ActKind.UNKNOWN, names=(function.__qualname__,), line=line, known=False)
    if not body_of(function):
        return False, (nobody_knows,)
    run = function.__code__.co_varnames[: function.__code__.co_argcount][:1]
    try:
        return True, read_function(function, frozenset(run), Budget())
    except RecursionError:  # an expression of a thousand parts within parts
        return False, (nobody_knows,)
