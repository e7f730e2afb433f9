"""What every new run has in common, whoever starts it: its input is encoded and checked here."""

import time
import uuid
from datetime import datetime
from typing import Any

from workflows.conf import conf
from workflows.core.errors import InvalidInput, ValueNotStorable
from workflows.core.kept import refuse_change
from workflows.core.run import NewRun
from workflows.core.run_ids import in_time_order
from workflows.core.run_labels import tags_of
from workflows.core.signature import Input, Signature
from workflows.definitions.workflow import WorkflowDefinition


def milliseconds_now() -> int:
    """Return the time since 1970. By this host's clock: it only says where an id stands in an index."""
    return time.time_ns() // 1_000_000


def new_id() -> uuid.UUID:
    """Return the id of a run that nobody has begun yet."""
    return in_time_order(milliseconds_now(), uuid.uuid4())


def encode_input(
    signature: Signature, given: dict[str, Any], *, whose: str, is_known: bool = False
) -> Input:
    """Return a run's input as it is stored. Raises InvalidInput where the code could not read it
    again, or would read something else; whose input it is stands in the message.

    is_known: it has been stored already, perhaps by a release that changed it without a word.
    """
    try:
        encoded = signature.encode_input(given, max_bytes=conf().max_payload_bytes)
        back = signature.decode_input(encoded)
        for name in () if is_known else given:
            refuse_change(given[name], back[name], name)
    except (TypeError, ValueNotStorable) as exc:
        raise InvalidInput(f"{whose}: {exc}") from None
    return encoded


def new_run(
    definition: WorkflowDefinition,
    input: Input,
    *,
    id: uuid.UUID,
    deadline_seconds: float | None,
    key: str | None = None,
    detached: bool = False,
    priority: int = 0,
    at: datetime | None = None,
    owner: str = "",
    tags: tuple[str, ...] = (),
    subject: str = "",
    attributes: str = "{}",
    baggage: str = "{}",
    tenant: str = "",
) -> NewRun:
    """Return a run of a workflow, with what its definition says of every run."""
    return NewRun(
        id=id,
        workflow=definition.name,
        version=definition.version,
        input=input,
        key=key,
        deadline_seconds=deadline_seconds,
        detached=detached,
        priority=priority,
        tenant=tenant,
        undo_on_cancel=definition.on_cancel == "compensate",
        at=at,
        owner=owner or definition.owner,
        tags=tags_of({*definition.tags, *tags}) if tags else definition.tags,
        subject=subject,
        attributes=attributes,
        baggage=baggage,
        max_crashes=definition.max_crashes,
        one_per_subject=definition.one_per_subject and subject != "",
        key_free_at_end=definition.key_free_at_end,
    )
