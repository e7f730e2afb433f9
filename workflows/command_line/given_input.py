"""The input of a run as it is typed: a JSON object, or name=value for each parameter."""

import json
from collections.abc import Sequence
from typing import Any

from workflows.api import InvalidInput
from workflows.core.json_input import read_input
from workflows.core.signature import Signature
from workflows.definitions.workflow import find_workflow, workflow_definition


def started_input(workflow: str, given: Sequence[str]) -> dict[str, Any]:
    """Return what a workflow is started with, as its code says. Raises InvalidInput, UnknownWorkflow."""
    return _read(workflow_definition(workflow).signature, given, workflow)


def changed_input(workflow: str, version: int, given: Sequence[str]) -> dict[str, Any] | None:
    """Return the parameters that a fork has anew, as the code says; None: none was given. Raises
    InvalidInput."""
    if not given:
        return None
    definition = find_workflow(workflow, version)
    if definition is None:
        raise InvalidInput(
            f"no code here for {workflow!r} version {version}: fork it without --input"
        )
    return _read(definition.signature, given, workflow)


def json_value(option: str, text: str) -> Any:
    """Return a JSON value. Raises InvalidInput."""
    try:
        return json.loads(text)
    except ValueError as exc:
        raise InvalidInput(f"{option} is no JSON: {exc}") from None


def _read(signature: Signature, given: Sequence[str], workflow: str) -> dict[str, Any]:
    return read_input(signature, _object(given, signature), whose=f"input of {workflow!r}")


def _object(given: Sequence[str], signature: Signature) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in given:
        if each.lstrip().startswith("{"):
            found |= json_value("--input", each)
            continue
        name, equals, text = each.partition("=")
        if not equals:
            raise InvalidInput(f"--input {each!r:.80}: give a JSON object, or name=value")
        found[name] = _value(text, signature.annotations.get(name))
    return found


def _value(text: str, annotation: Any) -> Any:
    """Return what a parameter is given: JSON where it is, a text otherwise, and where a text is wanted."""
    if annotation is str:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
