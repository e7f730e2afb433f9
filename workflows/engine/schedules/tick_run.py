"""The run of a tick: its key, so that there is one, and its input."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workflows.core.codec import dumps, loads
from workflows.core.errors import InvalidInput, ValueNotStorable
from workflows.core.run import RunView
from workflows.core.schedule import Schedule, key_of
from workflows.core.signature import Input
from workflows.definitions.schedule import refuse_subjects
from workflows.definitions.workflow import WorkflowDefinition, workflow_definition
from workflows.engine.requests.new_run import encode_input, new_id, new_run
from workflows.store import runs as store
from workflows.store.database import Connection

TICK = "scheduled_for"
"""The parameter that is given the moment of the tick, where a workflow has it."""


def start_tick(
    schedule: Schedule, tick: datetime, *, on: Connection | None, by_hand: bool = False
) -> RunView | None:
    """Insert the run of a tick, in the open transaction. None: there is one of this tick already.

    by_hand: it is nobody's tick, and another run each time. Raises InvalidInput, UnknownWorkflow.
    """
    definition = workflow_definition(schedule.rules.workflow)
    asked = checked_input(definition, schedule.rules.input, tick, whose=schedule.name)
    key = f"schedule:{schedule.name}:by hand:{uuid.uuid4()}" if by_hand else None
    new = new_run(
        definition,
        asked,
        id=new_id(),
        key=key or key_of(schedule.name, tick),
        deadline_seconds=definition.deadline_seconds,
    )
    return store.create_run(new, on=on)


def checked_input(
    definition: WorkflowDefinition, plain: Mapping[str, Any], tick: datetime, *, whose: str
) -> Input:
    """Return the input of a run. plain: JSON values, read as the annotations say. Raises InvalidInput."""
    refuse_subjects(definition, f"schedule {whose!r}")
    signature, told = definition.signature, f"schedule {whose!r}: input of {definition.name!r}"
    given: dict[str, Any] = dict(plain)
    if signature.takes(TICK) and TICK not in given:
        given[TICK] = tick.astimezone(UTC).isoformat()
    try:
        read = signature.decode_input(Input(dumps(given)))
    except (TypeError, ValueNotStorable) as exc:
        raise InvalidInput(f"{told}: {exc}") from None
    return encode_input(signature, {name: read[name] for name in given}, whose=told)


def stored_input(
    definition: WorkflowDefinition, plain: Mapping[str, Any], tick: datetime, *, whose: str
) -> dict[str, Any]:
    """Return the input as a schedule keeps it: checked, and without the tick. Raises InvalidInput."""
    kept: dict[str, Any] = loads(checked_input(definition, plain, tick, whose=whose).given)
    return {name: value for name, value in kept.items() if name in plain}
