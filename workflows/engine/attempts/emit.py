"""A step tells readers outside what it has so far: a stream of chunks."""

import os
from typing import Any

from workflows.conf import conf
from workflows.core.chunk import NewChunk
from workflows.core.codec import Codec, loads
from workflows.core.errors import DefinitionError, ValueTooLarge
from workflows.core.kept import refuse_loss
from workflows.engine.attempts.chunk_writer import chunk_writer, send, take_note
from workflows.engine.attempts.running_step import Running, beat, running_step
from workflows.engine.session.run_stream import RunStream

_any = Codec()


def emit(chunk: Any) -> None:
    """Hand a chunk from inside a step, plain or async, to whoever reads the run's stream (read_stream).

    chunk: a JSON value of up to max_payload_bytes. It is seen within about 0.1 s, also where the step is atomic; what
    was emitted is written before the step's end is recorded, and stays whether or not the attempt succeeds.
    Costs no round trip here. A sign of life, as heartbeat() is, but the lease is not extended.

    Raises ValueNotStorable; ValueTooLarge for a chunk, and for a run that has emitted max_stream_bytes;
    DefinitionError outside of a step; StepStopped in a step with stops_on_cancel=True whose run was
    cancelled; stops the step when its run belongs to another worker by now.
    """
    running = running_step()
    if running is None or running.ended:
        raise DefinitionError("emit() is called from inside a step, while it runs")
    stream = running.run_stream
    if stream.pid != os.getpid():
        raise DefinitionError(
            "emit() was called in a process that the step has started; hand chunks on to the step, and "
            "emit them there"
        )
    if (why := running.why_stop(stream.held)) is not None:
        raise why
    beat(running)
    _add(running, stream, _as_text(chunk))
    if not running.in_test:
        chunk_writer.wake(stream)


def finish_stream(stream: RunStream, *, in_test: bool) -> None:
    """Have written what a step has emitted, before its end is recorded. in_test: here and now, since
    other connections do not see the run. Tells what is lost; raises nothing outside of tests."""
    if not in_test:
        chunk_writer.finish(stream)
        return
    while chunks := stream.first(len(stream.waiting)):
        take_note(stream, chunks, send({stream: chunks}, None))


def _as_text(chunk: Any) -> str:
    text = _any.encode(chunk, max_bytes=conf().max_payload_bytes)
    if not isinstance(chunk, str):
        refuse_loss(chunk, loads(text), "chunk")
    return text


def _add(running: Running, stream: RunStream, text: str) -> None:
    info, most = running.info, conf().max_stream_bytes
    size = len(text.encode())
    with chunk_writer.lock:  # a step may emit in several threads, and branches of a gather do
        if stream.bytes + size > most:
            raise ValueTooLarge(
                f"the run has emitted {stream.bytes:,} bytes, and may emit max_stream_bytes = {most:,}; "
                "emit less, or store it elsewhere and emit its id"
            )
        running.emitted += 1
        chunk = NewChunk(
            sequence=stream.sequence + 1,
            step=info.name,
            position=info.position,
            step_attempt=info.attempt,
            number=running.emitted,
            undo=running.undo,
            text=text,
        )
        stream.add(chunk, size)
