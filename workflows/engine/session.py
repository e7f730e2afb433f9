"""One drive's memory: the run it holds, its history and inbox, and the write guard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError

from workflows.core.errors import Cancelled, LeaseLost, StoreFailed, Suspend
from workflows.core.history import History
from workflows.core.run import ClaimedRun, InboxEvent, Park
from workflows.core.states import RunState
from workflows.registry import WorkflowDefinition
from workflows.store import events as events_store
from workflows.store import steps as steps_store
from workflows.store.steps import Written


class Session:
    """What a drive knows. Lives for one drive; replays of the same drive share it."""

    def __init__(
        self, run: ClaimedRun, definition: WorkflowDefinition, stopping: Callable[[], bool]
    ) -> None:
        self.run, self.definition, self.stopping = run, definition, stopping
        self.history = History()
        self.inbox: list[InboxEvent] = []
        self.events = run.events
        """The event counter as last read, always before the inbox it belongs to."""
        self.position = 0
        self.ending: BaseException | None = None
        """Why the workflow code must unwind; raised again at every operation until it has."""
        self.now = run.created_at

    def load(self) -> None:
        """Read history and inbox. A fresh run has neither and costs nothing."""
        if self.run.attempt > 1:
            self.history = History(steps_store.load_history(self.run.id))
        if self.events:
            self.inbox = events_store.load_inbox(self.run.id)

    def rewind(self) -> None:
        """Start the workflow code from its top."""
        self.position, self.ending, self.now = 0, None, self.run.created_at

    def next_position(self) -> int:
        """Take the next position of the code. Raises what ends this drive."""
        if self.ending is not None:
            raise self.ending
        self.position += 1
        return self.position

    def end(self, ending: BaseException) -> BaseException:
        """Remember why this drive ends, so that code which swallows it gets no further."""
        self.ending = ending
        return ending

    def suspend(self, park: Park) -> BaseException:
        """Return what to raise to park the run."""
        return self.end(Suspend(park))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn a database failure of the engine's own statement into the end of the drive."""
        try:
            yield
        except (DatabaseError, InterfaceError) as exc:
            raise self.end(StoreFailed(exc)) from exc

    def take_in(self, written: Written | None) -> Written:
        """Accept the report of an append. Raises LeaseLost, Cancelled."""
        if written is None:
            raise self.end(LeaseLost())
        self.history.add(written.entry)
        self.now = written.entry.at
        if written.state == RunState.CANCELLING:
            raise self.end(Cancelled())
        return written

    def reload_inbox(self, events: int) -> None:
        """The counter moved: read the inbox again. The counter was read before it."""
        self.events = events
        self.inbox = events_store.load_inbox(self.run.id)
