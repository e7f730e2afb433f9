"""What one drive knows: the run it holds, its history and inbox, and how far its code has come."""

import threading
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from workflows.conf import conf
from workflows.core.beat import read_beat
from workflows.core.errors import DeadlineExceeded, DefinitionError
from workflows.core.history_index import History
from workflows.core.idempotency_key import Keys
from workflows.core.lines import ChildEnd
from workflows.core.notes import CarriedNotes, RunNotes
from workflows.core.run import ClaimedRun, InboxEvent, Park
from workflows.core.states import RunState
from workflows.core.unwind import EndOfHistory, Suspend
from workflows.core.update_handler import UpdateHandler
from workflows.definitions.step import StepDefinition
from workflows.definitions.workflow import WorkflowDefinition
from workflows.engine.session.code_thread import CodeThread
from workflows.engine.session.company import Company, patience
from workflows.engine.session.given_generators import GivenGenerators
from workflows.engine.session.run_growth import RunGrowth
from workflows.engine.session.run_stream import RunStream
from workflows.engine.session.watched_connections import WatchedConnections
from workflows.store import events as events_store
from workflows.store import history as history_store
from workflows.store import lent_connections
from workflows.store.fence import UNCHANGED, Notes
from workflows.store.sealing import Opener, opened_run


@dataclass(frozen=True, kw_only=True)
class CompletedStep:
    """A completed step that can be undone, or one that is to run when the run ends, with copies of its
    arguments."""

    position: int
    step: StepDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    cleanup: bool = False
    """It is to run when the run ends."""


class DriveMemory:
    """What a drive knows. Lives for one drive; replays of the same drive share it."""

    context_class: type[Any] | None = None
    """What workflow code is given in the place of the engine's own context; None: that."""
    connections: WatchedConnections | None = None
    """As they were before the workflow's code; None before it is called."""
    failed_with: str | None = None
    """Why this drive began to undo the run's steps, as JSON text."""

    def __init__(
        self,
        run: ClaimedRun,
        definition: WorkflowDefinition,
        stopping: Callable[[], bool],
        *,
        only_replay: bool = False,
        company: Company | None = None,
        pools: Collection[str] | None = None,
    ) -> None:
        self.opener = Opener(run.chain_root)
        """Opens what is encrypted; it says whether all could be."""
        run = opened_run(run, self.opener)
        self.run, self.definition, self.stopping = run, definition, stopping
        self.company = company
        """The other drives of this worker; None: outside of one."""
        self.pools = pools
        """Whose steps run here; None: every step does."""
        self.away = pools is not None and definition.pool not in pools
        """The run has come here for a step: those of its own pool do not run here."""
        self.wants_room = False
        """Until it makes progress: it was lost in company."""
        self.only_replay = only_replay
        """Nothing new may happen: the first new operation raises EndOfHistory."""
        self.history = History()
        self.inbox: list[InboxEvent] = []
        self.events = run.events
        """The event counter as last read, always before the inbox it belongs to."""
        self.heard = run.events
        """The same counter, as it was last heard: beyond `events`, there is more in the inbox."""
        self.process_must_end = False
        """A step outlived its time limit in a thread: the process should end after this drive."""
        self.in_test = connection.in_atomic_block
        """Inside a test's transaction: other connections, and so other threads, see nothing."""
        self.lock = threading.Lock()
        """Held while something is taken in: branches of a gather do it in threads of their own."""
        self._claimed_at = time.monotonic()
        self.notes = RunNotes(run.data, run.attributes, max_bytes=conf().max_payload_bytes)
        beat = read_beat(run.heartbeat)
        self.growth = RunGrowth(beat.reached, beat.grew) if beat else RunGrowth({}, None)
        self.run_stream = RunStream(run.id, run.attempt)
        """What its steps emit."""
        self._grew = 0 if beat is None or beat.grew is None else beat.grew
        """In which attempt of the run a heartbeat moved, before this one."""
        self.held = RunState(run.state)
        """The state in which this drive holds the run, as it was last heard."""
        self.code_thread = CodeThread()
        """Where the workflow's code runs."""
        self.rewind()

    def load(self) -> None:
        """Read history and inbox. A fresh run has neither and costs nothing."""
        if self.run.attempt > 1:
            self.history = History(history_store.load_history(self.run.id, self.opener))
            self.rewind()
        if self.events:
            self.inbox = events_store.load_inbox(self.run.id, self.opener)

    def has_room(self) -> bool:
        """Wait until a run that was lost in company is driven with few others, or alone. False: it must be
        left to another worker."""
        losses = self.history.lost_in_company(since_attempt=self._grew)
        if not losses or self.company is None:
            return True
        waited = (self.clock() - losses[-1]).total_seconds()
        self.wants_room = True
        lent_connections.let_go()  # those whose end is waited for may need it
        return self.company.admits(self.run.id, len(losses), patience(waited), self.stopping)

    def leave_room(self) -> None:
        """The run has made progress, or its drive has ended."""
        if self.wants_room and self.company is not None:
            self.wants_room = False
            self.company.forget(self.run.id)

    def rewind(self) -> None:
        """Start the workflow code from its top."""
        self.position = 0
        self.operation = 0
        """The position of the operation that the code has come to; the steps of a group have further ones."""
        self.unwinding: BaseException | None = None
        """Why the workflow code must unwind; raised again at every operation until it has."""
        self.now = self.history.begun_at or self.run.created_at
        self.undoable: list[CompletedStep] = []
        """Completed steps that can be undone, in the order of the code."""
        self.children: list[uuid.UUID] = []
        """Children that are not detached, as started so far."""
        self.child_handles: list[Any] = []
        """The same, as the code holds them."""
        self.child_ends: dict[uuid.UUID, ChildEnd] = {}
        """How children ended, as far as the code has waited for it."""
        self.keys = Keys(self.run.id, self.history.origin)
        """The readings of run.idempotency_key."""
        self.generators = GivenGenerators()
        """What steps were given that can be read once only."""
        self.returned: list[Any] = []
        """What the code has returned, once it has."""
        self.handlers: dict[str, UpdateHandler] = {}
        """What run.on_update has been given, by the names of their events."""
        self.answering = False
        """One of them is at work."""
        self.patches: dict[str, bool] = {}
        """What run.patched has answered."""
        self.notes.restart(self._carried())

    def _carried(self) -> CarriedNotes:
        """Return what the run began with: until it has written, its row says so at no cost."""
        if self.run.attempt == 1:
            return CarriedNotes(self.run.data, self.run.attributes)
        return self.history.carried or CarriedNotes()

    def id_at(self, position: int) -> uuid.UUID:
        """Return the run of whose id all is made that is made of one at this position: the other run's,
        where a fork replays what that has done."""
        return self.history.origin(position) or self.run.id

    def refuse_elsewhere(self) -> None:
        """Raise DefinitionError where another thread than that of the code uses the run, or one that
        has kept it beyond this drive."""
        fault = self.code_thread.fault()
        if fault is not None:
            # Remembered, since a thread may end without anybody asking how.
            raise self.remember(fault) if self.code_thread.is_running else fault

    def next_position(self) -> int:
        """Take the next position of the code.

        Raises what ends this drive, and ValueNotStorable for what data or attributes hold: at
        every replay alike, and before the position is taken.
        """
        self.check_notes()
        if self.connections is not None:
            self.connections.refuse_transactions()
        self.position += 1
        return self.position

    def check_notes(self) -> None:
        """Raise what ends this drive, or ValueNotStorable when the notes cannot be stored."""
        if self.unwinding is not None:
            raise self.unwinding
        self.notes.check()
        if self.keys.were_read:
            for note in (self.notes.data, self.notes.attributes):
                if self.keys.are_in(note.text()):
                    note.replace(self.keys.settled(note.values, f"run.{note.name}"))

    def unwind(self, why: BaseException) -> BaseException:
        """Remember why this drive ends, so that code which swallows it gets no further."""
        self.unwinding = why
        return why

    def remember(self, why: DefinitionError) -> BaseException:
        """Let a mistake in the code end this drive, unless it ends already; return why it ends."""
        return self.unwinding or self.unwind(why)

    def suspend(self, park: Park) -> BaseException:
        """Return what to raise to park the run."""
        return self.unwind(Suspend(park))

    def before_new(self) -> None:
        """Called before anything new happens. Raises what forbids it."""
        self.before_undo()
        if self.run.deadline is not None and self.clock() >= self.run.deadline:
            raise self.unwind(DeadlineExceeded("the run did not end by its deadline"))

    def before_undo(self) -> None:
        """Called before a compensation, which no deadline stops. Raises what forbids it."""
        if self.only_replay:
            raise self.unwind(EndOfHistory())

    def clock(self) -> datetime:
        """Return the database's time, as of the claim and this process's time since."""
        return self.run.now + timedelta(seconds=time.monotonic() - self._claimed_at)

    @property
    def undoing(self) -> bool:
        """Whether the run compensates: what the workflow keeps stays as it was when it stopped."""
        return self.held == RunState.COMPENSATING

    def changed_notes(self) -> Notes:
        """Return what the workflow keeps, as far as it has changed since it was stored."""
        if self.undoing:
            return UNCHANGED
        return Notes(self.notes.data.change(), self.notes.attributes.change())
