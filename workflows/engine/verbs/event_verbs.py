"""The context's verbs for events."""

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVar, overload

from workflows.core.codec import is_name
from workflows.core.decide import Operation, event_names
from workflows.core.errors import DefinitionError
from workflows.core.event_lines import refusal, sender_of
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import PAYLOAD
from workflows.core.payload_type import PayloadType, payload_type
from workflows.core.run import Event, RunId, run_id_of
from workflows.core.time_checks import sensible_seconds
from workflows.core.update_handler import update_handler
from workflows.core.update_lines import UPDATE_EVENT
from workflows.engine.children.child_run import ChildHandle
from workflows.engine.requests.send_event import check_event
from workflows.engine.verbs import sending
from workflows.engine.verbs.positions import Operations
from workflows.engine.verbs.waiting import read_payload

T = TypeVar("T")


class Waits(Operations):
    """Waiting for events."""

    __slots__ = ()

    @overload
    def wait_event(self, name: str, *, type: type[T], timeout_seconds: None = None) -> T: ...
    @overload
    def wait_event(
        self, name: str, *, type: type[T], timeout_seconds: float | None
    ) -> T | None: ...
    @overload
    def wait_event(
        self, name: str, *, type: UnionType | None = None, timeout_seconds: float | None = None
    ) -> Any: ...
    @overload
    def wait_event(self, name: Sequence[str], *, timeout_seconds: None = None) -> Event: ...
    @overload
    def wait_event(self, name: Sequence[str], *, timeout_seconds: float | None) -> Event | None: ...
    @overload
    def wait_event(
        self, name: str, other: str, /, *more: str, timeout_seconds: None = None
    ) -> Event: ...
    @overload
    def wait_event(
        self, name: str, other: str, /, *more: str, timeout_seconds: float | None
    ) -> Event | None: ...
    def wait_event(
        self,
        name: str | Sequence[str],
        *more: str,
        type: Any = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        """Wait for an event; the run holds nothing but its row meanwhile.

        With one name: returns the payload, or None when timeout_seconds pass first. With several
        (or a list): returns the Event that came first (name, payload, who sent it), or None. Events sent before
        the wait are kept for it, oldest first. timeout_seconds=None waits as long as it takes.
        type says what the payload of one name is; without it, the workflow's events= does. A
        payload that does not fit blocks the run, and is read again after retry_now.
        """
        names = self._session.keys.settled((*event_names(name), *more), "wait_event")
        if not names or not all(is_name(each) for each in names):
            told = ", ".join(map(repr, (name, *more)))
            raise DefinitionError(
                f"wait_event({told}): give a name, or several; the time as timeout_seconds="
            )
        one = isinstance(name, str) and not more
        if type is not None and not one:
            raise DefinitionError(
                "wait_event: type= is for a single name; declare those of several by "
                "@workflow(events={…})"
            )
        types = self._types(names, type)
        if timeout_seconds is not None:
            timeout_seconds = sensible_seconds("wait_event", timeout_seconds)
        outcome = self._wait(names, timeout_seconds, types)
        if outcome.kind == HistoryKind.WAIT_TIMED_OUT:
            return None
        event = self._received(outcome, types)
        return event.payload if one else event

    def _received(self, outcome: HistoryEntry, types: Mapping[str, PayloadType]) -> Event:
        payload = read_payload(self._session, types, outcome.name, PAYLOAD.of(outcome))
        return Event(outcome.name, payload, *sender_of(outcome))

    def send_event(
        self,
        run: RunId | ChildHandle[Any],
        name: str,
        payload: Any = None,
        *,
        key: str | None = None,
    ) -> None:
        """Send an event to another run, once: recorded like a step, in one round trip and one commit with
        the event itself. It has this run, and its tenant, for its sender (Event.run, Event.tenant).

        key=None: a key that follows from this run and the place in its code. Follows a chain to the run
        that goes on now. What the receiver refuses is recorded too, and raised alike at every replay:
        RunNotFound, RunIsOver, KeyConflict, InvalidInput.
        """
        session = self._session
        name, payload, key = session.keys.settled((name, payload, key), "send_event")
        check_event(name, key)
        to = run.id if isinstance(run, ChildHandle) else run_id_of(run)
        given = {"run": str(to), "payload": payload, "key": key}
        position, outcome = self._take(Operation("send", name))
        digests = sending.digests_of(session, position, given)
        if outcome is None:
            own = key or f"{session.id_at(position)}:{position}"
            outcome = sending.send(session, position, to, name, payload, own, digests)
        else:
            sending.compare(session, outcome, position, given, digests)
        refused = refusal(outcome)
        if refused is not None:
            raise refused

    def on_update(
        self,
        name: str,
        handler: Callable[[Any], object],
        *,
        validate: Callable[[Any], object] | None = None,
    ) -> None:
        """Let a function of the workflow's code answer updates of this name (workflows.api.update), from
        here to the run's end.

        It is workflow code: it may call run.step and whatever else is durable, and is replayed. Updates are
        answered one by one in the order in which they came, while the run waits or before its next
        operation. What handler returns or raises goes to the caller; its parameter's annotation says what
        it takes. validate looks at the payload first, and refuses the update by raising: then the run
        records nothing. It may do nothing durable. Leaves no line in history. Raises DefinitionError.
        """
        self._refuse_elsewhere()
        if not is_name(name):
            raise DefinitionError(f"on_update({name!r:.80}): give the update a name")
        made = update_handler(name, handler, validate)
        self._session.handlers[UPDATE_EVENT + name] = made

    def _types(self, names: Sequence[str], asked: Any = None) -> Mapping[str, PayloadType]:
        """Return what the payloads of these names are, where anybody says."""
        declared = self._session.definition.events
        if asked is None:
            return {name: declared[name] for name in names if name in declared}
        [name] = names
        if name in declared and declared[name].annotation != asked:
            raise DefinitionError(
                f"wait_event({name!r}): type={asked!r:.80}, but the workflow declares it as "
                f"{declared[name].annotation!r:.80}; leave one of them out"
            )
        return {name: payload_type(asked)}
