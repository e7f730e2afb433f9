"""The thread that writes what the steps of this process emit: many chunks at a time, for all of its runs.

It sends on the connection of heartbeats, so that a chunk is seen at once, also where its step is in the midst of
a transaction, and a long step holds no connection. It lives while something is emitted, and a while beyond.
"""

import os
import threading
import time
from collections.abc import Sequence

from workflows import signals
from workflows.conf import conf
from workflows.core.chunk import NewChunk
from workflows.core.states import RunState
from workflows.engine.session.connection_loss import is_lost
from workflows.engine.session.run_stream import RunStream
from workflows.store import stream as store
from workflows.store.beat_connection import beat_connection
from workflows.store.database import Connection

BATCH_SECONDS = 0.1
"""So long chunks wait for others."""
MOST_AT_ONCE = 1_000
"""Of one run, in one statement."""
FINISH_SECONDS = 3.0
"""So long a step that has ended waits for its chunks to be written."""
AGAIN_SECONDS = 0.3
IDLE_SECONDS = 10.0

Batch = dict[RunStream, Sequence[NewChunk]]


class ChunkWriter:
    """One for a process. Its lock guards all streams of it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._streams: dict[RunStream, None] = {}
        """Those with chunks that wait, the one that has waited longest first."""
        self._finishing = 0
        """So many wait for theirs to be written: others are not waited for."""
        self._thread: threading.Thread | None = None

    def wake(self, stream: RunStream) -> None:
        """The stream has a chunk that is to be written."""
        with self.lock:
            if stream in self._streams:
                return
            self._streams[stream] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chunks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self, stream: RunStream) -> None:
        """Return once all that the stream has now is written, or refused; after FINISH_SECONDS, tell that
        it is lost."""
        with self.lock:
            last = stream.sequence
            self._finishing += 1
            try:
                self._streams.pop(stream, None)  # anew: an interrupt may have come before its wake
                self.wake(stream)
                self._changed.wait_for(lambda: _is_written(stream, last), FINISH_SECONDS)
            finally:
                self._finishing -= 1
            lost = stream.forget(last)
        if lost:
            error = TimeoutError(f"the database took no chunks for {FINISH_SECONDS:g} s")
            _tell_lost(stream, lost, error)

    def forget(self) -> None:
        """Begin anew in a child of this process: the thread has stayed behind."""
        self.__init__()  # type: ignore[misc]

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._send(batch)
            except (
                Exception
            ) as exc:  # a codec may raise what it likes; all others wait for this thread
                self._failed(batch, exc)

    def _next(self) -> Batch | None:
        with self.lock:
            if not self._changed.wait_for(lambda: self._streams, IDLE_SECONDS):
                self._thread = None
                return None
            self._changed.wait_for(lambda: self._finishing, BATCH_SECONDS)
            return {stream: stream.first(MOST_AT_ONCE) for stream in self._streams}

    def _send(self, batch: Batch) -> None:
        own = beat_connection.join(conf().direct_database)
        try:
            held = send(batch, own)
        finally:
            beat_connection.leave(own)
        with self.lock:
            for stream, chunks in batch.items():
                take_note(stream, chunks, held)
                del self._streams[stream]
                if stream.waiting:
                    self._streams[stream] = None  # behind the others
            self._changed.notify_all()

    def _failed(self, batch: Batch, error: Exception) -> None:
        if is_lost(error):
            time.sleep(AGAIN_SECONDS)  # they wait on, until their steps have ended
            return
        if len(batch) > 1:  # one of them may be at fault
            for stream, chunks in batch.items():
                try:
                    self._send({stream: chunks})
                except Exception as exc:  # as above
                    self._failed({stream: chunks}, exc)
            return
        [(stream, chunks)] = batch.items()
        with self.lock:
            lost = stream.forget(chunks[-1].sequence if chunks else 0)
            if not stream.waiting:
                self._streams.pop(stream, None)
            self._changed.notify_all()
        if lost:
            _tell_lost(stream, lost, error)


def send(batch: Batch, on: Connection | None) -> dict[store.Drive, RunState]:
    """Write chunks, and count what their runs emitted before. Returns who holds its run still."""
    for stream in batch:
        if not stream.is_counted:
            before = store.emitted_bytes((stream.run_id, stream.attempt), on=on)
            stream.bytes, stream.is_counted = stream.bytes + before, True
    chunks = {(stream.run_id, stream.attempt): chunks for stream, chunks in batch.items() if chunks}
    return store.append_chunks(chunks, on=on) if chunks else {}


def take_note(
    stream: RunStream, chunks: Sequence[NewChunk], held: dict[store.Drive, RunState]
) -> None:
    """These chunks have been written; or refused, where the run belongs to others by now."""
    if not chunks:
        return
    stream.held = held.get((stream.run_id, stream.attempt))
    if stream.held is None:
        stream.waiting.clear()
    stream.forget(chunks[-1].sequence)


def _is_written(stream: RunStream, until: int) -> bool:
    return not stream.waiting or stream.waiting[0].sequence > until


def _tell_lost(stream: RunStream, chunks: int, error: Exception) -> None:
    signals.chunks_lost.send_robust(
        sender=ChunkWriter, run_id=stream.run_id, chunks=chunks, error=error
    )


chunk_writer = ChunkWriter()
os.register_at_fork(after_in_child=chunk_writer.forget)
