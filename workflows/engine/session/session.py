"""One drive of a run: what it knows, and the one way in which it writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError

from workflows.core.history import HistoryEntry
from workflows.core.run import Fact
from workflows.core.states import RunState
from workflows.core.unwind import Cancelled, Drain, LeaseLost, StoreFailed
from workflows.engine.session.drive_memory import DriveMemory
from workflows.store import events as events_store
from workflows.store import history as history_store
from workflows.store import runs as runs_store
from workflows.store.fence import UNCHANGED, Notes
from workflows.store.history import Written


class Session(DriveMemory):
    """What a drive knows, and how it writes: guarded, with the changed notes, and taken in."""

    @contextmanager
    def guarded(self, *, ends_drive: bool = True) -> Iterator[None]:
        """Turn a database failure of the engine's own statement into the end of the drive.

        ends_drive=False leaves that to the caller, who may know of another way.
        """
        try:
            yield
        except (DatabaseError, InterfaceError) as exc:
            raise self._failed(exc, ends_drive) from exc

    def _failed(self, exc: DatabaseError | InterfaceError, ends_drive: bool) -> BaseException:
        failed = StoreFailed(exc)
        return self.unwind(failed) if ends_drive else failed

    def record(self, send: Callable[[Notes], Written | None]) -> HistoryEntry:
        """Write a line with what the workflow keeps, and take it in. send is the store's call.

        Raises LeaseLost, Cancelled, StoreFailed.
        """
        return self.take_in(self.write(send))

    def append(self, fact: Fact, *, ends_drive: bool = True) -> Written:
        """Write a line that is nothing but a line. ends_drive: as in guarded. Raises as write."""
        return self.write(
            lambda notes: history_store.append(self.run, fact, notes=notes), ends_drive=ends_drive
        )

    def write(self, send: Callable[[Notes], Written | None], *, ends_drive: bool = True) -> Written:
        """Write a line; take_in follows once it is committed. Raises LeaseLost, StoreFailed."""
        written = self.offer(send, ends_drive=ends_drive)
        if written is None:
            raise self.unwind(LeaseLost())
        return written

    def offer(
        self, send: Callable[[Notes], Written | None], *, ends_drive: bool = True
    ) -> Written | None:
        """Write a line that may be refused. None: look_again says why. Raises StoreFailed."""
        notes = self.changed_notes()
        try:  # as in guarded, whose generator costs more than all the rest of this
            written = send(notes)
        except (DatabaseError, InterfaceError) as exc:
            raise self._failed(exc, ends_drive) from exc
        if written is None or notes == UNCHANGED:
            return written
        return written._replace(notes=notes)

    def take_in(self, written: Written) -> HistoryEntry:
        """Remember what was written, the line and the notes. Raises Cancelled."""
        with self.lock:
            self.history.add(written.entry)
            self.now = written.entry.at
            self.heard = max(self.heard, written.events)
            self.notes.data.stored(written.notes.data)
            self.notes.attributes.stored(written.notes.attributes)
        if self.wants_room:
            self.leave_room()
        self._hear(written.state)
        return written.entry

    def look_again(self) -> None:
        """Called where the store has refused a write: raise why, LeaseLost or Cancelled; or read the
        inbox again, because an event has come."""
        with self.guarded():
            held = runs_store.look(self.run)
            if held is None:
                raise self.unwind(LeaseLost())
            state, self.events = held  # the counter first, then the inbox it belongs to
            self._hear(state)
            self.inbox = events_store.load_inbox(self.run.id, self.opener)
        self.refuse_unreadable()

    def refuse_unreadable(self) -> None:
        """Raise PayloadUnreadable where something of the run is encrypted with a key that is not here."""
        if self.opener.failed is not None:
            raise self.unwind(self.opener.failed)

    def _hear(self, state: RunState) -> None:
        """Take note of the run's state. Raises Cancelled; Drain where the run is to pause: given back to
        the queue, it is turned aside.

        Branches of a gather report in any order: what was written before a cancel may be heard
        behind it, and a run that is being cancelled never runs again.
        """
        if state == RunState.PAUSED:
            raise self.unwind(Drain())
        with self.lock:
            if self.held != RunState.CANCELLING or state != RunState.RUNNING:
                self.held = state
        if state == RunState.CANCELLING:
            raise self.unwind(Cancelled())
