"""Start a run, once per key, in the caller's transaction."""

import uuid
from collections.abc import Callable
from typing import Any

from workflows.core.codec import Input, is_name
from workflows.core.errors import DefinitionError, InvalidInput, KeyConflict
from workflows.core.run import RunView
from workflows.core.time_checks import sensible_seconds
from workflows.definitions.workflow import WorkflowDefinition, workflow_definition
from workflows.engine import announcements
from workflows.engine.requests.new_run import encode_input, new_run
from workflows.store import runs as store
from workflows.store.views import get_run


def start(
    workflow: Callable[..., Any] | str,
    /,
    *,
    key: str | None = None,
    deadline_seconds: float | None = None,
    **input: Any,
) -> RunView:
    """Start a workflow: one INSERT, committed with the caller's transaction or lost with it.

    workflow is the function, or a name: the newest version of it. deadline_seconds takes the place
    of the workflow's own (where the function has a parameter of that name, it is that). key makes
    it idempotent: the same workflow, key and input return the run that is there, in whatever
    state; another input raises KeyConflict. Raises InvalidInput when the input does not fit the
    function, UnknownWorkflow when the function is no workflow.
    """
    definition = workflow_definition(workflow)
    deadline = definition.deadline_seconds
    if deadline_seconds is not None:
        if definition.signature.takes("deadline_seconds"):
            input["deadline_seconds"] = deadline_seconds
        else:
            deadline = _sensible(deadline_seconds)
    if key is not None and not is_name(key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")
    asked = encode_input(definition.signature, input, whose=f"input of {definition.name!r}")
    new = new_run(definition, asked, id=uuid.uuid4(), key=key, deadline_seconds=deadline)
    created = store.create_run(new)
    if created is None:
        return get_run(_same_run(definition, str(key), asked))
    announcements.run_started(new.id, new.workflow, new.version, key=key)
    return created


def _sensible(deadline_seconds: Any) -> float:
    try:
        return sensible_seconds("deadline_seconds", deadline_seconds)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None


def _same_run(definition: WorkflowDefinition, key: str, asked: Input) -> uuid.UUID:
    found = store.find_by_key(definition.name, key)
    assert found is not None  # noqa: S101 - the insert has just met it, and runs are not renamed
    run_id, known = found
    if not definition.signature.is_same(known, asked):
        raise KeyConflict(
            f"key {key!r} of {definition.name!r} was used with another input; use a new key for new work"
        )
    return run_id
