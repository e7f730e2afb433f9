"""Hand an event to a run."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from workflows.conf import conf
from workflows.core.codec import Codec, is_name, loads
from workflows.core.errors import (
    InvalidInput,
    KeyConflict,
    RequestError,
    RunIsOver,
    RunNotFound,
    ValueNotStorable,
)
from workflows.core.kept import refuse_change
from workflows.core.lines import CHILD_EVENT
from workflows.core.run import RunId, run_id_of
from workflows.core.sender import NOBODY_SAID, Sender
from workflows.core.tenant import check_tenant
from workflows.core.update_lines import UPDATE_EVENT
from workflows.definitions.workflow import find_workflow, unfit_for
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine.requests.asked import name_of
from workflows.engine.requests.start_options import sensible
from workflows.store import events as store
from workflows.store.chains import newest_of
from workflows.store.events import Sent, Unfit
from workflows.store.views import get_run

_any = Codec()
Unfitting = Mapping[tuple[str, int], str]
"""Of the workflows and versions that cannot take an event: why."""
GONE_ON = (Sent.OVER, Sent.NOT_FOUND)
"""What is said of a run of a chain that goes on as another; or went on, and was lost since."""


def send_event(
    run_id: RunId,
    name: str,
    payload: Any = None,
    *,
    key: str | None = None,
    by: str = "",
    tenant: str = "",
) -> None:
    """Send an event to a run, in the caller's transaction.

    It is kept until a wait for its name consumes it, and consumed once. key makes the sending
    idempotent: the same event again is accepted and changes nothing; another name or payload under
    it raises KeyConflict, whether the first was consumed meanwhile or not. A payload that storage would
    change (a datetime becomes a text) is refused, unless what the workflow declares reads it back. One
    that does not fit what the run's workflow declares (events=) is refused, where this process has its code.
    by and tenant say who sends it, and for whom: the workflow reads them as Event.by and Event.tenant.
    Raises RunNotFound, RunIsOver, KeyConflict, InvalidInput.
    """
    refuse("calls send_event()", IN_A_STEP)
    check_event(name, key)
    sender = Sender(by=name_of(by), tenant=sensible(check_tenant, "send_event", tenant))
    deliver(run_id, name, payload, key, told=f"event {name!r}", sender=sender)


def check_event(name: Any, key: Any) -> None:
    """Raise InvalidInput for what is no name or key of an event that others than the engine may send."""
    check_names(name, key)
    for own in (CHILD_EVENT, UPDATE_EVENT):
        if name.startswith(own):
            raise InvalidInput(f'event names that begin with "{own}" are the engine\'s own')


def check_names(name: Any, key: Any) -> None:
    """Raise InvalidInput for what is no name or key of an event."""
    if not is_name(name):
        raise InvalidInput("name is a text of 1 to 500 characters")
    if key is not None and not is_name(key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")


def deliver(
    run_id: RunId,
    name: str,
    payload: Any,
    key: str | None,
    *,
    told: str,
    sender: Sender = NOBODY_SAID,
) -> int:
    """Put an event, or what is told as another thing, into a run's inbox; return its id. Raises as
    send_event."""
    text = encode_payload(run_id, name, payload, told=told)
    run_id, unfit = run_id_of(run_id), unfit_for(name, text)
    sent, event = _send(run_id, name, text, key, sender, tuple(unfit))
    if sent is not Sent.ACCEPTED:
        raise refusal(sent, run_id, key, told, unfit)
    return event


def encode_payload(run_id: RunId, name: str, payload: Any, *, told: str) -> str:
    """Return a payload as it is stored. Raises InvalidInput where storage would change it; RunNotFound."""
    try:
        text = _any.encode(payload, max_bytes=conf().max_payload_bytes)
        _refuse_change(run_id, name, payload, text)
    except ValueNotStorable as exc:
        raise InvalidInput(f"payload of {told}: {exc}") from None
    return text


def refusal(
    sent: Sent | Unfit, run_id: UUID, key: str | None, told: str, unfit: Unfitting
) -> RequestError:
    """Return the error by which the sender of an event hears why it was not taken."""
    match sent:
        case Sent.NOT_FOUND:
            return RunNotFound(f"no run {run_id}")
        case Sent.CONFLICT:
            return KeyConflict(
                f"key {key!r} was used for another event of run {run_id}, or with another payload "
                f"of {told.partition(' ')[2]}; use a new key for a new event"
            )
        case Unfit(workflow, version):
            why = unfit[workflow, version]
            return InvalidInput(f"{told} of {workflow!r} version {version}: {why}")
    return RunIsOver(f"run {run_id} has ended and takes no {told}")


def _refuse_change(run_id: RunId, name: str, payload: Any, text: str) -> None:
    """Raise ValueNotStorable where storage changes the payload, unless the run's workflow says what the
    event brings and reads both alike: a datetime that is a text by then. Raises RunNotFound."""
    plain = loads(text)
    try:
        refuse_change(payload, plain)
    except ValueNotStorable as changed:
        run = get_run(newest_of(run_id_of(run_id)))
        definition = find_workflow(run.workflow, run.version)
        declared = None if definition is None else definition.events.get(name)
        if declared is None:
            advice = f"; of an event, @workflow(events={{{name!r}: …}}) is the annotation"
            raise ValueNotStorable(f"{changed}{advice}") from None
        if not declared.keeps(payload, plain):
            raise


def _send(
    run_id: UUID,
    name: str,
    text: str,
    key: str | None,
    sender: Sender,
    unfit: Sequence[tuple[str, int]],
) -> tuple[Sent | Unfit, int]:
    """Send to the run, or to the one that took over from it."""
    while True:
        sent, event = store.put_event(
            run_id, name=name, payload=text, key=key, sender=sender, unfit=unfit
        )
        newest = run_id if sent not in GONE_ON else newest_of(run_id)
        if newest == run_id:
            return sent, event
        run_id = newest
