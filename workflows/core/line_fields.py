"""What the data of each kind of line holds. Nobody else names these fields, not even in SQL.

A Payload comes from the application: an output, an event, an error, the details of a heartbeat. All
of them are written and read through that class, so whatever is done to payloads is done there.
"""

import json
from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any, Generic, TypeVar

from workflows.core.copies import copied_plain
from workflows.core.failure import Failure
from workflows.core.history import HistoryEntry, HistoryKind

T = TypeVar("T")

_encoder = json.JSONEncoder(ensure_ascii=False)
"""Made once: to make one takes longer than to use it."""


class Field(Generic[T]):
    """One field of a line's data: its name, how it is written and how it is read."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def of(self, entry: HistoryEntry) -> T:
        """Return the field of a line that always has it. Raises KeyError."""
        value: T = entry.data[self.name]
        return value

    def find(self, entry: HistoryEntry) -> T | None:
        """Return the field of a line; None where it is null or missing."""
        value: T | None = entry.data.get(self.name)
        return value

    def written(self, value: T) -> str:
        """Return the field as a part of a JSON object's text."""
        return f'"{self.name}": {_encoder.encode(value)}'


class Payload(Field[T]):
    """A field whose value comes from the application. Read, it is a copy: the application may change it,
    and a later replay in the same drive must see what was recorded."""

    __slots__ = ()

    def of(self, entry: HistoryEntry) -> T:
        value: T = copied_plain(super().of(entry))
        return value

    def find(self, entry: HistoryEntry) -> T | None:
        value: T | None = copied_plain(super().find(entry))
        return value

    def written_as(self, text: str) -> str:
        """The same as written, for a value that is JSON text already."""
        return f'"{self.name}": {text}'


class Texts(Field[dict[str, str]]):
    """Texts by names. It is in the line of every step, and empty in many."""

    __slots__ = ()

    def written(self, value: dict[str, str]) -> str:
        return super().written(value) if value else f'"{self.name}": {{}}'


class Moment(Field[datetime]):
    """A time that SQL has written, by the database's clock."""

    __slots__ = ()

    def of(self, entry: HistoryEntry) -> datetime:
        return datetime.fromisoformat(entry.data[self.name])

    def find(self, entry: HistoryEntry) -> datetime | None:
        told = entry.data.get(self.name)
        return None if told is None else datetime.fromisoformat(told)


class Seconds(Field[float]):
    """A length of time, to the microsecond. It is in the line of every step, so it must cost nothing."""

    __slots__ = ()

    def written(self, value: float) -> str:
        return f'"{self.name}": {value:.6f}'


OUTPUT = Payload[Any]("output")
ERROR = Payload[Any]("error")
"""A Failure."""
PAYLOAD = Payload[Any]("payload")
HEARTBEAT = Payload[Any]("heartbeat")
"""The details that a failed attempt sent last."""
ATTEMPT = Field[int]("attempt")
ATTEMPTS = Field[int]("attempts")
"""Of a failed step: how many attempts there were."""
ATTEMPTS_ALLOWED = Field[int | None]("attempts")
"""Of a failed attempt: how many there may be; None: until it works."""
PERMANENT = Field[bool]("permanent")
RETRY_AT = Moment("retry_at")
NAMES = Field[list[str]]("names")
EVENT = Field[int]("event")
"""Which event of the inbox."""
UNTIL = Moment("until")
RUN = Field[str]("run")
"""The id of another run."""
CARRIED_DATA = Payload[dict[str, Any]]("data")
"""What the run before this one had kept for readers; CARRIED_ATTRIBUTES likewise."""
CARRIED_ATTRIBUTES = Payload[dict[str, Any]]("attributes")
CHILDREN = Field[list[list[str]]]("children")
"""Id and workflow of each."""
ARGUMENTS = Texts("arguments")
"""Digests of what a step was given, by the names of its parameters; defaults are left out. Missing where
they are not compared."""
OWN_KEYS = Field[bool]("own_keys")
"""Of a group: each of its steps has a key of its own. Of a step: its key took the place of a reading of
run.idempotency_key. Missing where it began before keys belonged to steps."""
SECONDS = Seconds("seconds")
"""Of an attempt: how long it had been under way when its line was written, by the worker's steady clock.
Missing in lines of older releases."""
DETACHED = Field[bool]("detached")
BEFORE = Field[int]("before")
"""Of a fork: what has a lower position is the other run's."""
CREATED_AT = Moment("created_at")
INPUTS = Field[list[str]]("inputs")
"""Of a fork: the parameters whose values are not those of the other run."""
POSITIONS = Field[list[int]]("positions")
AGAIN = Field[bool]("again")
"""Of a compensation: once all is undone, the run is tried again."""
BY = Field[str]("by")
TENANT = Field[str]("tenant")
REASON = Field[str]("reason")
VIA = Field[str]("via")
PROBLEM = Field[str]("problem")
WORKER = Field[int | None]("worker")
CRASHES = Field[int]("crashes")
COMPANY = Field[int]("company")
"""Of a run that was lost with its worker: how many others that held. Missing where it was alone, and where
the loss says nothing about any of them. Beside it, ATTEMPT is that of the run."""
STEPS = Field[list[dict[str, Any]]]("steps")
"""Which steps a lost worker was in (core/running_steps.py); missing where nobody knows, or it was in
none."""

_ = HistoryKind
_ASKED = (BY, REASON, VIA)
_RECEIVED = (ARGUMENTS, OWN_KEYS)
_FAILED_ATTEMPT = (SECONDS, ATTEMPT, ATTEMPTS_ALLOWED, ERROR, PERMANENT, HEARTBEAT, RETRY_AT)
FIELDS: Mapping[HistoryKind, tuple[Field[Any], ...]] = {
    _.STEP_COMPLETED: (OUTPUT, SECONDS, *_RECEIVED),
    _.STEP_STARTED: _RECEIVED,
    _.STEP_FAILED: (ERROR, ATTEMPTS, PERMANENT, SECONDS, *_RECEIVED),
    _.ATTEMPT_FAILED: (*_FAILED_ATTEMPT, *_RECEIVED),
    _.WAIT_STARTED: (NAMES, UNTIL),
    _.EVENT_RECEIVED: (NAMES, PAYLOAD, BY, TENANT, RUN),
    _.EVENT_SENT: (RUN, ARGUMENTS),
    _.EVENT_REFUSED: (ERROR, ARGUMENTS),
    _.WAIT_TIMED_OUT: (NAMES,),
    _.SLEEP_STARTED: (UNTIL,),
    _.SLEEP_ENDED: (),
    _.STATUS_SET: (),
    _.GROUP_STARTED: (NAMES, OWN_KEYS),
    _.CHILD_STARTED: (RUN, DETACHED),
    _.CLEANUP_SET: _RECEIVED,
    _.PATCH_TAKEN: (),
    _.UPDATE_RECEIVED: (PAYLOAD, EVENT),
    _.UPDATE_ANSWERED: (OUTPUT, ERROR),
    _.COMPENSATION_COMPLETED: (OUTPUT, SECONDS),
    _.COMPENSATION_ATTEMPT_FAILED: _FAILED_ATTEMPT,
    _.RECOVERED: (WORKER, CRASHES, REASON, STEPS, COMPANY, ATTEMPT),
    _.BLOCKED: (ERROR, STEPS),
    _.COMPENSATION_STARTED: (*_ASKED, ERROR, AGAIN),
    _.PAUSED: _ASKED,
    _.RESUMED: _ASKED,
    _.RETRIED: (*_ASKED, POSITIONS),
    _.FORKED: (*_ASKED, RUN, BEFORE, CREATED_AT, INPUTS),
    _.CODE_AWAITED: (PROBLEM, UNTIL),
    _.WOKEN: _ASKED,
    _.CANCEL_REQUESTED: _ASKED,
    _.RUN_COMPLETED: (),
    _.RUN_FAILED: (ERROR,),
    _.RUN_CANCELLED: (),
    _.RUN_COMPENSATED: (),
    _.CONTINUED: (RUN, CARRIED_DATA, CARRIED_ATTRIBUTES),
    _.CHILDREN_KEPT: (CHILDREN,),
    _.UNKNOWN: (),
}
"""What each kind may hold. HistoryKind says what it means."""


def plain_data(entry: HistoryEntry) -> dict[str, Any]:
    """Return all that a line holds as JSON values, for whoever exports it whole."""
    return entry.data


def sql_data(kind: HistoryKind, **expressions: str) -> str:
    """Return the SQL that makes the data of a line, or the part of it that only SQL knows.

    expressions: the SQL of each field, by its name. Raises ValueError for a field that the kind has
    not.
    """
    return sql_object(kind.value, {field.name for field in FIELDS[kind]}, expressions)


def sql_failure(**expressions: str) -> str:
    """Return the SQL that makes a Failure. expressions: the SQL of each field, by its name."""
    return sql_object("failure", Failure.__annotations__.keys(), expressions)


def sql_object(what: str, names: Set[str], expressions: Mapping[str, str]) -> str:
    """Return the SQL of a JSON object that may have these names. Raises ValueError for others."""
    unknown = expressions.keys() - names
    if unknown:
        raise ValueError(f"{what} has no field {', '.join(sorted(unknown))}")
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in expressions.items())
    return f"jsonb_build_object({pairs})"


def time_field(kind: HistoryKind) -> str:
    """Return the field in which a line says until when the run is parked."""
    return next(field.name for field in FIELDS[kind] if isinstance(field, Moment))
