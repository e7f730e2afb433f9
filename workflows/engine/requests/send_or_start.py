"""Hand an event to a run that may not be there yet."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from workflows.core.errors import InvalidInput, RunIsOver, RunPruned, SubjectTaken
from workflows.core.run import RunView
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine import announcements
from workflows.engine.requests.send_event import send_event
from workflows.engine.requests.start_options import Requested, StartOptions, asked_run
from workflows.store import runs as store
from workflows.store.views import get_run

T = TypeVar("T")


def send_or_start(
    workflow: Callable[..., Any] | str,
    event: str,
    payload: Any = None,
    /,
    *,
    key: str | None = None,
    subject: object = None,
    input: Mapping[str, Any] | None = None,
    event_key: str | None = None,
    by: str = "",
    deadline_seconds: float | None = None,
    priority: int = 0,
    at: datetime | None = None,
    owner: str = "",
    attributes: Mapping[str, Any] | None = None,
    tags: Collection[str] = (),
    tenant: str = "",
    baggage: Mapping[str, Any] | None = None,
) -> RunView:
    """Send an event to the run that has this key; where there is none, start it, with the event.

    Both happen in one transaction: nobody starts a second one, and no event is lost. Of a workflow with
    one_per_subject, the subject may stand in the place of the key. input and what follows are for the
    run that is started; one that is there keeps its own. event_key makes the sending idempotent, as in
    send_event; by and tenant stay with the event too. Raises RunIsOver where the key's run has ended (unless its
    workflow says key_free_at_end), SubjectTaken where an open run of the subject has another key, RunPruned,
    KeyConflict, InvalidInput, UnknownWorkflow.
    """
    refuse("calls send_or_start()", IN_A_STEP)
    options = StartOptions(
        key=key,
        deadline_seconds=deadline_seconds,
        priority=priority,
        at=at,
        subject=subject,
        owner=owner,
        attributes=attributes,
        tags=tags,
        tenant=tenant,
        baggage=baggage,
    )
    asked = asked_run(workflow, (), dict(input or {}), options)
    if key is None and not asked.new.one_per_subject:
        raise InvalidInput(
            "send_or_start: give a key=, or the subject= of a workflow with one for each"
        )
    send = partial(send_event, name=event, payload=payload, key=event_key, by=by, tenant=tenant)
    return get_run(there_or_begun(asked, send)[0])


def there_or_begun(asked: Requested, send: Callable[[UUID], T]) -> tuple[UUID, T]:
    """Send to the run that is asked for, which is started where it is not there, in one transaction."""
    while True:
        with transaction.atomic():
            run_id = _begun(asked) or _there(asked)
            try:
                if run_id is not None:
                    return run_id, send(run_id)
            except RunIsOver:
                if _there(asked) == run_id:
                    raise


def _begun(asked: Requested) -> UUID | None:
    """Start the run; None: there is one."""
    new = asked.new
    if store.create_run(new) is None:
        return None
    announcements.run_started(new.id, new.workflow, new.version, key=new.key)
    return new.id


def _there(asked: Requested) -> UUID | None:
    """Return the run that is there; None: it has just gone. Raises RunPruned, and SubjectTaken by a run
    with another key."""
    new = asked.new
    taken = store.find_of_subject(new.workflow, new.subject) if new.one_per_subject else None
    if new.key is None:
        return taken
    found = store.find_by_key(new.workflow, new.key)
    if found is not None:
        return found[0]
    pruned = store.find_pruned(new.workflow, new.key)
    if pruned is not None:
        raise RunPruned(new.workflow, new.key, str(pruned[0]), pruned[1])
    if taken is not None:
        raise SubjectTaken(new.workflow, new.subject, str(taken))
    return None
