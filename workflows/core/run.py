"""Rows as plain values: what the engine, the api and the pages hand around."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from workflows.core.errors import RunNotFound
from workflows.core.history import HistoryKind
from workflows.core.sender import NOBODY_SAID, Sender
from workflows.core.signature import Input
from workflows.core.states import FINAL_STATES, RunState


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run about to be created: by start, by a parent, or by the run that it continues.

    The names are those of its columns, but for input (two columns), at and deadline_seconds.
    """

    id: uuid.UUID
    workflow: str
    version: int
    input: Input
    key: str | None = None
    deadline_seconds: float | None = None
    """From its creation; None: it may go on for ever."""
    detached: bool = False
    undo_on_cancel: bool = False
    priority: int = 0
    at: datetime | None = None
    """Not due before; its deadline counts from then."""
    owner: str = ""
    tags: tuple[str, ...] = ()
    subject: str = ""
    attributes: str = "{}"
    baggage: str = "{}"
    """What it carries along, as JSON text."""
    """As JSON text."""
    max_crashes: int | None = None
    """None: what the settings say."""
    one_per_subject: bool = False
    """It takes its subject, until it ends."""
    key_free_at_end: bool = False
    tenant: str = ""


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run as anybody outside sees it. Times are aware; input and output are JSON values."""

    id: uuid.UUID
    workflow: str
    version: int
    state: RunState
    status: str
    """The label the workflow set for people; "" before the first."""
    key: str | None
    input: dict[str, Any]
    """What the run began with, the defaults of what its caller left out included."""
    defaults: dict[str, Any]
    """These defaults alone."""
    output: Any
    error: dict[str, Any] | None
    """type, message and kind (and traceback where there is one) of a failed or blocked run."""
    wake_at: datetime | None
    """When a waiting run is due; None for an event without a time limit."""
    deadline: datetime | None
    """When the run fails if it has not ended; None: never."""
    priority: int
    """From -9 to 9, 0 unless said otherwise: of the runs that are due, the highest go first."""
    owner: str
    """Who it belongs to, as its start or its workflow says; "" for nobody."""
    tags: tuple[str, ...]
    """By which people find it: its workflow's and its start's."""
    subject: str
    """What it is about: "shop.order:7" for a row of the database; "" for nothing."""
    tenant: str
    """For whom it is; "": for nobody in particular. Tenants take turns where runs are due."""
    waiting_for: tuple[str, ...]
    """The events that would wake the run; or in words, the limit or pool that it waits for."""
    step_pool: str
    """The pool that it waits for, because its next step is of that one; "" for none."""
    compensation_error: dict[str, Any] | None
    """type and message of the compensation that failed for good."""
    data: dict[str, Any]
    """What the workflow keeps for readers outside."""
    attributes: dict[str, Any]
    """Searchable by list_runs(attributes=...)."""
    baggage: dict[str, Any]
    """What it was started with, for its children, steps and log lines."""
    progress: dict[str, Any] | None
    """done, total, note: what the workflow last said of its progress."""
    heartbeat: dict[str, Any] | None
    """position, details, at: what a long step last said of itself; reached, grew: how far the numbers in
    its details have come, and in which attempt of the run they last grew."""
    running_steps: dict[str, Any] | None
    """attempt, steps: what its worker's host has seen last of the steps under way; list_steps tells
    what of it still holds."""
    parent_id: uuid.UUID | None
    continued_as: uuid.UUID | None
    """The run that took over by continue_as_new."""
    forked_from: uuid.UUID | None
    """The run of whose story it has the beginning; that may be gone by now."""
    attempt: int
    """How often a worker has claimed the run; every write of a drive names it."""
    pausing: bool
    """It is paused; or a worker drives it, and it pauses at its next durable operation."""
    retries: int
    """How often it was retried after a failure."""
    failed_tries: int
    """How many tries of the whole run have failed before this one (`@workflow(retry=…)`)."""
    crashes: int
    """Workers lost (or connections, inside an atomic step) in a row since the run last recorded
    anything it has done; 0 after progress."""
    code_missing: bool
    """No living worker has code for its workflow and version and serves its pool, so nobody drives it. False once it has
    ended, while a worker drives it, and where no worker lives at all."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def error_kind(self) -> str:
        """The ErrorKind of its error; "" where it has none, or an older release wrote it."""
        return str((self.error or {}).get("kind", ""))

    @property
    def duration(self) -> timedelta | None:
        """From its first drive to its end, waits included; None before that."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, one way or another."""
        return self.state in FINAL_STATES


RunId = uuid.UUID | str | RunView
"""How callers name a run: its id, the id as text, or a RunView."""


def run_id_of(run: RunId) -> uuid.UUID:
    """Return the id of a run. Raises RunNotFound for a text that is none."""
    if isinstance(run, RunView):
        return run.id
    if isinstance(run, uuid.UUID):
        return run
    try:
        return uuid.UUID(run)
    except (AttributeError, TypeError, ValueError):
        raise RunNotFound(f"no run {run!r}; give the id of a run") from None


@dataclass(frozen=True, kw_only=True)
class ClaimedRun:
    """A run whose lease this worker holds, as the claim returned it."""

    id: uuid.UUID
    workflow: str
    version: int
    state: RunState
    """running or compensating."""
    attempt: int
    input: str
    """What the caller gave, as JSON text."""
    defaults: str = "{}"
    """The defaults of the rest, as of the start."""
    events: int
    """How many events had been sent when the counter was last read."""
    data: str = "{}"
    attributes: str = "{}"
    baggage: str = "{}"
    """What it carries along, as JSON text."""
    heartbeat: str | None = None
    error: str | None = None
    deadline: datetime | None = None
    priority: int = 0
    tenant: str = ""
    chain_id: uuid.UUID | None = None
    """The first run of its chain; None: it is that itself, or in none."""
    retries: int = 0
    """How often it was retried after a failure."""
    created_at: datetime
    due_at: datetime | None = None
    """Since when it was due; None for a run that nobody has claimed (a mere replay)."""
    step_pool: str = ""
    """It was claimed for a step of this pool; "" where it was due in its own."""
    now: datetime
    """The database's clock at the claim."""

    @property
    def chain_root(self) -> uuid.UUID:
        """The first run of its chain, or itself: what its encrypted values are bound to."""
        return self.chain_id or self.id

    @property
    def late_seconds(self) -> float:
        """How long the run had been due when it was claimed."""
        return 0.0 if self.due_at is None else (self.now - self.due_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A line about to be appended to history."""

    kind: HistoryKind
    position: int | None
    part: int = 0
    name: str = ""
    data: str = "{}"
    """JSON text of an object."""


@dataclass(frozen=True, kw_only=True)
class Park:
    """How a run wants to wait: for time, for events, or for whichever comes first."""

    seconds: float | None = None
    """Due this long after the park, by the database's clock."""
    until: datetime | None = None
    """Due then. With neither, only an event wakes the run."""
    waiting_for: tuple[str, ...] = ()
    heeds_deadline: bool = True
    """The run's deadline wakes it, where that is sooner; a compensation it does not concern."""
    fact: Fact | None = None
    """Recorded in the same statement; its data gains "until" where the park has a time."""
    step_pool: str = ""
    """It is due so in this pool, for a step, and not in its own."""
    home_at: datetime | None = None
    """With step_pool: due then in its own as well."""


@dataclass(frozen=True)
class Event:
    """An event as workflow code receives it."""

    name: str
    payload: Any
    by: str = ""
    """Who sent it, as send_event was told; "" where nobody said."""
    tenant: str = ""
    """For whom it was sent, as send_event was told; of a run's event, the tenant of that run."""
    run: uuid.UUID | None = None
    """The run that sent it, by run.send_event; None: it came from outside."""


@dataclass(frozen=True, kw_only=True)
class InboxEvent:
    """An event nobody has consumed yet. payload is JSON text."""

    id: int
    name: str
    payload: str
    sender: Sender = NOBODY_SAID


@dataclass(frozen=True, kw_only=True)
class StepInfo:
    """Which attempt of which step is running: what a step may ask about itself."""

    run_id: uuid.UUID
    name: str
    position: int
    attempt: int
    """Counts from 1."""
    attempts: int | None = None
    """The most there will be, this one included; None: until it works."""
    idempotency_key: str = field(default="")
    """The same at every attempt, after every crash: hand it to the outside world."""
    heartbeat: Any = None
    """The details of the last heartbeat of an earlier attempt."""
    baggage: Mapping[str, Any] = field(default_factory=dict)
    """What its run carries along."""
