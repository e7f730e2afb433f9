"""Which run each worker holds, and which steps it is in: in memory that outlives the worker.

A child of the sentinel has a row of places here: the first for the run it drives, the others for the
steps under way, one for each thread. A place is written whole, with a checksum behind it, so that
whoever reads while it is written, or after its writer was killed in the middle, notices. To write costs
a microsecond or two and no system call; the pusher reads.
"""

import math
import mmap
import socket
import struct
import time
import zlib
from typing import NamedTuple
from uuid import UUID

from workflows.cluster import shared
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HEARTBEAT, TIMEOUT, HeldRun, StepSeen
from workflows.engine.attempts.running_step import Running, witness_steps

STEPS = 16
"""As many of a worker's steps are noted at a time; a larger gather keeps the others to itself."""
NAME_BYTES = 120
"""Of a longer name, the beginning."""
SURELY_OVER_SECONDS = 1.0
"""A step that died within this time beyond its limit may have died before it, unseen."""
TRIES = 5
"""To read a place that is being written just now."""

_PLACE = struct.Struct(f"=16sIIIBddd{NAME_BYTES}s")
_CHECKSUM = struct.Struct("=I")
_SIZE = _PLACE.size + _CHECKSUM.size
_ROW = (1 + STEPS) * _SIZE
_EMPTY = bytes(_SIZE)
_memory = mmap.mmap(-1, shared.SLOTS * _ROW)
"""Shared with the processes that are forked later; pages that nobody writes to cost nothing."""
_free = list(range(1, STEPS + 1))
"""The places of this process that no step has."""


class Place(NamedTuple):
    """What a place holds. The times are of this host's monotonic clock, in seconds."""

    run_id: UUID
    run_attempt: int
    position: int
    """0: this is the run that is driven; what follows is empty."""
    attempt: int
    undo: bool
    since: float
    ends_at: float
    """The end of its time limit; infinite: it has none."""
    beat_by: float
    """When it must have sent a heartbeat."""
    name: str


class Row(NamedTuple):
    """What a worker holds, or held when it died."""

    holder: shared.Holder
    since: float
    """When it took the run, by this host's monotonic clock."""
    runs: list[HeldRun]
    """The run that it drives, and those of actions that its steps execute."""


def begin() -> None:
    """Called in a worker that has just been born: its slot may have been another's."""
    slot = shared.own_slot()
    if slot is not None:
        _memory[slot * _ROW : (slot + 1) * _ROW] = bytes(_ROW)
        witness_steps(StepsInMemory())


def hold(run: ClaimedRun | None) -> None:
    """Say which run this worker drives."""
    slot = shared.own_slot()
    if slot is None:
        return
    if run is None:
        shared.set_holding(False)
        _memory[slot * _ROW : slot * _ROW + _SIZE] = _EMPTY
    else:
        driven = (run.attempt, 0, 0, False, time.monotonic(), math.inf, math.inf, b"")
        _write(slot * _ROW, _PLACE.pack(run.id.bytes, *driven))
        shared.set_holding(True)


class StepsInMemory:
    """Notes the steps of this process (engine.attempts.running_step.Witness)."""

    def begun(self, running: Running) -> None:
        """Note a step that begins, where there is room."""
        if shared.own_slot() is None:
            return
        try:
            running.place = _free.pop()
        except IndexError:
            return
        self.goes_on(running)

    def goes_on(self, running: Running) -> None:
        """Note its limits anew."""
        slot = shared.own_slot()
        if slot is None or running.place is None:
            return
        info, limit = running.info, running.limit
        noted = _PLACE.pack(
            info.run_id.bytes, running.attempt, info.position, info.attempt, running.undo,
            running.began, limit.ends_at, limit.beat_by, info.name.encode(errors="replace")[:NAME_BYTES],
        )  # fmt: skip
        _write(slot * _ROW + running.place * _SIZE, noted)

    def ended(self, running: Running) -> None:
        """Take the note away."""
        slot = shared.own_slot()
        if slot is None or running.place is None:
            return
        at = slot * _ROW + running.place * _SIZE
        _memory[at : at + _SIZE] = _EMPTY
        _free.append(running.place)
        running.place = None


def rows() -> list[Row]:
    """Return what this cluster's workers hold, or held when they died."""
    host, now = socket.gethostname(), time.monotonic()
    return [_row(holder, host, now) for holder in shared.holders()]


def forget(holder: shared.Holder) -> None:
    """Let the dead worker's row go to the next one that is born."""
    shared.forget(holder.slot)


def _row(holder: shared.Holder, host: str, now: float) -> Row:
    start = holder.slot * _ROW
    places = [_read(start + number * _SIZE) for number in range(1 + STEPS)]
    runs: dict[tuple[UUID, int], list[StepSeen]] = {}
    for place in places:
        if place is None:
            continue
        steps = runs.setdefault((place.run_id, place.run_attempt), [])
        if place.position:
            steps.append(_seen(place, host, holder.pid, now))
    since = min((place.since for place in places if place is not None), default=now)
    return Row(holder, since, [HeldRun(*key, tuple(steps)) for key, steps in runs.items()])


def _seen(place: Place, host: str, pid: int, now: float) -> StepSeen:
    overran, surely = None, now - SURELY_OVER_SECONDS
    if surely >= min(place.ends_at, place.beat_by):
        overran = TIMEOUT if surely >= place.ends_at else HEARTBEAT
    return StepSeen(
        name=place.name,
        position=place.position,
        attempt=place.attempt,
        undo=place.undo,
        age_seconds=now - place.since,
        overran=overran,
        host=host,
        pid=pid,
    )


def _write(at: int, place: bytes) -> None:
    _memory[at : at + _SIZE] = place + _CHECKSUM.pack(zlib.crc32(place))


def _read(at: int) -> Place | None:
    """Return what a place holds; None: nothing, or what nobody has finished writing."""
    for _ in range(TRIES):
        found = _memory[at : at + _SIZE]
        if found == _EMPTY:
            return None
        body, checksum = found[: -_CHECKSUM.size], found[-_CHECKSUM.size :]
        if _CHECKSUM.unpack(checksum) == (zlib.crc32(body),):
            run_id, *numbers, name = _PLACE.unpack(body)
            return Place._make([UUID(bytes=run_id), *numbers, _text(name)])
    return None


def _text(name: bytes) -> str:
    # JSON in PostgreSQL takes no NUL, not even one in the middle.
    return name.replace(b"\0", b"").decode(errors="ignore")
