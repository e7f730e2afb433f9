"""Children: start one, wait for it, spread inputs over the fleet."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.conf import conf
from workflows.core.errors import ChildFailed, InvalidInput, ValueNotStorable
from workflows.core.history import HistoryKind
from workflows.core.run import Fact
from workflows.core.states import RunState
from workflows.engine.session import Session
from workflows.registry import WorkflowDefinition, workflow_definition
from workflows.store import children as store
from workflows.store.steps import to_json


@dataclass(frozen=True, kw_only=True)
class Child:
    """A child run as its parent knows it."""

    id: uuid.UUID
    definition: WorkflowDefinition
    detached: bool

    @property
    def event(self) -> str:
        """The event by which its end arrives."""
        return f"child:{self.id}"


def describe_child(
    session: Session, position: int, workflow: Callable[..., Any], detached: bool
) -> Child:
    """Return the child of this position: its id is the same at every replay."""
    child_id = uuid.uuid5(session.run.id, f"child:{position}")
    return Child(id=child_id, definition=workflow_definition(workflow), detached=detached)


def start_child(session: Session, position: int, child: Child, given: dict[str, Any]) -> None:
    """Create the child's run and record it, in one statement."""
    definition = child.definition
    try:
        text = definition.signature.encode_input(given, max_bytes=conf().max_payload_bytes)
    except (TypeError, ValueNotStorable) as exc:
        raise InvalidInput(f"input of child {definition.name!r}: {exc}") from None
    fact = Fact(
        kind=HistoryKind.CHILD_STARTED,
        position=position,
        name=definition.name,
        data=to_json({"run": str(child.id), "detached": child.detached}),
    )
    notes = session.notes()
    with session.guarded():
        written = store.start_child(
            session.run,
            fact,
            child_id=child.id,
            workflow=definition.name,
            version=definition.version,
            input_text=text,
            detached=child.detached,
            undo_on_cancel=definition.on_cancel == "compensate",
            notes=notes,
        )
    session.take_in(written)
    session.kept(notes)


def child_result(child: Child, payload: dict[str, Any]) -> Any:
    """Return what the child returned. Raises ChildFailed when it ended in another way."""
    if payload["state"] == RunState.COMPLETED:
        return child.definition.signature.result.from_plain(payload["output"])
    error = payload["error"] or {"type": "", "message": ""}
    raise ChildFailed(
        child.definition.name, str(child.id), payload["state"], error["type"], error["message"]
    )
