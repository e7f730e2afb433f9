"""Start a run, once per key, in the caller's transaction."""

import uuid
from collections.abc import Callable
from typing import Any

from workflows.conf import conf
from workflows.core.codec import is_name, loads
from workflows.core.errors import InvalidInput, KeyConflict, ValueNotStorable
from workflows.core.run import RunView
from workflows.registry import workflow_definition
from workflows.store import runs as store
from workflows.store.views import get_run


def start(workflow: Callable[..., Any], /, *, key: str | None = None, **input: Any) -> RunView:
    """Start a workflow: one INSERT, committed with the caller's transaction or lost with it.

    key makes it idempotent: the same workflow, key and input return the run that is there, in
    whatever state; another input raises KeyConflict. Raises InvalidInput when the input does not
    fit the function, UnknownWorkflow when the function is no workflow.
    """
    definition = workflow_definition(workflow)
    if key is not None and not is_name(key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")
    try:
        limit = conf().max_payload_bytes
        input_text = definition.signature.encode_input(input, max_bytes=limit)
        definition.signature.decode_input(input_text)
    except (TypeError, ValueNotStorable) as exc:
        raise InvalidInput(f"input of {definition.name!r}: {exc}") from None
    run_id = uuid.uuid4()
    created = store.create_run(
        run_id=run_id,
        workflow=definition.name,
        version=definition.version,
        key=key,
        input_text=input_text,
        deadline_seconds=definition.deadline_seconds,
        undo_on_cancel=definition.on_cancel == "compensate",
    )
    return created or get_run(_same_run(definition.name, str(key), input_text))


def _same_run(workflow: str, key: str, input_text: str) -> uuid.UUID:
    found = store.find_by_key(workflow, key)
    assert found is not None  # noqa: S101 - the insert has just met it, and runs are not renamed
    run_id, known_input = found
    if loads(known_input) != loads(input_text):
        raise KeyConflict(
            f"key {key!r} of {workflow!r} was used with another input; use a new key for new work"
        )
    return run_id
