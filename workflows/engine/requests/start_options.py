"""What a caller says of a run beside its input, checked once for everybody who starts runs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from workflows.conf import conf
from workflows.core.baggage import baggage_of
from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError, InvalidInput, ValueNotStorable
from workflows.core.json_input import read_input
from workflows.core.notes import Note
from workflows.core.priority import check_priority
from workflows.core.run import NewRun
from workflows.core.run_labels import owner_of, subject_of, tags_of
from workflows.core.tenant import check_tenant
from workflows.core.time_checks import sensible_moment, sensible_seconds
from workflows.definitions.workflow import WorkflowDefinition, workflow_definition
from workflows.engine.requests.new_run import encode_input, new_id, new_run

T = TypeVar("T")

NOT_GIVEN: Any = object()


class StartOptions(NamedTuple):
    """What a caller says of a run, beside its input."""

    key: Any = None
    deadline_seconds: Any = None
    priority: Any = 0
    at: Any = None
    subject: Any = None
    owner: Any = ""
    attributes: Any = None
    tags: Any = ()
    tenant: Any = ""
    input_json: Any = NOT_GIVEN
    baggage: Any = None


class Requested(NamedTuple):
    """A run that somebody asks for."""

    definition: WorkflowDefinition
    new: NewRun


def taken_out(workflow: Any, input: dict[str, Any]) -> dict[str, Any]:
    """Take the options out of what was given, and return them. One of the name of a parameter is that."""
    if _OPTIONS.isdisjoint(input):
        return {}
    takes = workflow_definition(workflow).signature.takes
    return {name: input.pop(name) for name in _OPTIONS if name in input and not takes(name)}


_OPTIONS = frozenset(StartOptions._fields) - {"key"}
"""Younger than functions with a parameter of that name, which it then is."""


def asked_run(
    workflow: Any, given: tuple[Any, ...], input: dict[str, Any], options: StartOptions
) -> Requested:
    """Return the run that a caller asks for. Raises InvalidInput, UnknownWorkflow."""
    definition = workflow_definition(workflow)
    whose = f"input of {definition.name!r}"
    deadline = definition.deadline_seconds
    if options.deadline_seconds is not None:
        deadline = _sensible(sensible_seconds, "deadline_seconds", options.deadline_seconds)
    if options.key is not None and not is_name(options.key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")
    if options.input_json is not NOT_GIVEN:
        if given or input:
            raise InvalidInput(f"{whose}: give input_json or the parameters, not both")
        input = read_input(definition.signature, options.input_json, whose=whose)
    if definition.one_per_subject and options.subject is None:
        raise InvalidInput(f"{definition.name!r} has one run for each subject; give subject=")
    new = new_run(
        definition,
        encode_input(definition.signature, definition.by_name(given, input), whose=whose),
        id=new_id(),
        key=options.key,
        deadline_seconds=deadline,
        priority=_sensible(check_priority, "start", options.priority),
        at=None if options.at is None else _sensible(sensible_moment, "at", options.at),
        owner=owner_of(options.owner),
        tags=tags_of(options.tags) if options.tags else (),
        subject=subject_of(options.subject),
        tenant=_sensible(check_tenant, "start", options.tenant),
        attributes=_attributes(options.attributes) if options.attributes else "{}",
        baggage="{}" if options.baggage is None else baggage_of(options.baggage),
    )
    return Requested(definition, new)


def _attributes(given: Mapping[str, Any]) -> str:
    """Return attributes as JSON text, by the rules of run.attributes."""
    note = Note("attributes", "{}", max_bytes=conf().max_payload_bytes)
    try:
        note.replace(given)
        return note.text()
    except (DefinitionError, ValueNotStorable) as exc:
        raise InvalidInput(str(exc).removeprefix("run.")) from None


def _sensible(check: Callable[[str, Any], T], asker: str, value: Any) -> T:
    try:
        return check(asker, value)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None
