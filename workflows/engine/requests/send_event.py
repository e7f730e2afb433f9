"""Hand an event to a run."""

from typing import Any
from uuid import UUID

from workflows.conf import conf
from workflows.core.codec import Codec, is_name
from workflows.core.errors import InvalidInput, RunIsOver, RunNotFound, ValueNotStorable
from workflows.core.lines import CHILD_EVENT
from workflows.core.run import RunId, run_id_of
from workflows.store import events as store
from workflows.store.events import Sent
from workflows.store.views import get_run

_any = Codec()


def send_event(run_id: RunId, name: str, payload: Any = None, *, key: str | None = None) -> None:
    """Send an event to a run, in the caller's transaction.

    It is kept until a wait for its name consumes it, and consumed once. key makes the sending
    idempotent: a second event with it is accepted and changes nothing. Raises RunNotFound,
    RunIsOver, InvalidInput.
    """
    if not is_name(name):
        raise InvalidInput("name is a text of 1 to 500 characters")
    if key is not None and not is_name(key):
        raise InvalidInput("key is a text of 1 to 500 characters, or None")
    try:
        text = _any.encode(payload, max_bytes=conf().max_payload_bytes)
    except ValueNotStorable as exc:
        raise InvalidInput(f"payload of event {name!r}: {exc}") from None
    if name.startswith(CHILD_EVENT):
        raise InvalidInput(f'event names that begin with "{CHILD_EVENT}" are the engine\'s own')
    run_id = run_id_of(run_id)
    match _send(run_id, name, text, key):
        case Sent.NOT_FOUND:
            raise RunNotFound(f"no run {run_id}")
        case Sent.OVER:
            raise RunIsOver(f"run {run_id} has ended and takes no event {name!r}")


def _send(run_id: UUID, name: str, text: str, key: str | None) -> Sent:
    """Send to the run, or to the one that took over from it."""
    sent = store.send_event(run_id, name=name, payload=text, key=key)
    while sent is Sent.OVER and (successor := get_run(run_id).continued_as) is not None:
        run_id = successor
        sent = store.send_event(run_id, name=name, payload=text, key=key)
    return sent
