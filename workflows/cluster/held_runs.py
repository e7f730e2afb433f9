"""Which runs each worker holds, and which steps it is in: in memory that outlives the worker.

A child of the sentinel has a row of places here: one for each run that it may drive at a time, then those
for the steps under way, one for each thread. A place is written whole, with a checksum behind it, so that
whoever reads while it is written, or after its writer was killed in the middle, notices. To write costs
a microsecond or two and no system call; the pusher reads.
"""

import math
import mmap
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from workflows.cluster import shared
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HEARTBEAT, TIMEOUT, HeldRun, StepSeen
from workflows.engine.attempts.running_step import Running, witness_steps

MORE_STEPS = 15
"""As many more of a worker's steps than of its runs are noted at a time; a larger gather keeps the others
to itself."""
NAME_BYTES = 120
"""Of a longer name, the beginning."""
SURELY_OVER_SECONDS = 1.0
"""A step that died within this time beyond its limit may have died before it, unseen."""
TRIES = 5
"""To read a place that is being written just now."""

_PLACE = struct.Struct(f"=16sIIIBddd{NAME_BYTES}s")
_CHECKSUM = struct.Struct("=I")
_SIZE = _PLACE.size + _CHECKSUM.size
_EMPTY = bytes(_SIZE)


class _Table:
    """The memory, and the places of this process that are free."""

    def __init__(self, slots: int) -> None:
        self.runs, self.steps = slots, slots + MORE_STEPS
        self.row = (self.runs + self.steps) * _SIZE
        self.memory = mmap.mmap(-1, shared.SLOTS * self.row)
        """Shared with the processes that are forked later; pages that nobody writes to cost nothing."""
        self.forget_own()

    def forget_own(self) -> None:
        """Nothing is held here, and nothing under way."""
        self.free_for_runs = list(range(self.runs))
        self.free_for_steps = list(range(self.runs, self.runs + self.steps))


_table = _Table(1)
_lock = threading.Lock()
"""Of this process's runs: the last one that it lets go of is not one that another thread takes just now."""


def install(slots: int) -> None:
    """Make room for so many runs of each worker; before the sentinel is forked."""
    global _table
    _table = _Table(slots)


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
    runs: list[HeldRun]
    """Those that it drives, and those of actions that its steps execute."""
    since: Mapping[tuple[UUID, int], float]
    """By run and attempt: when it took it, by this host's monotonic clock."""
    driven: Collection[tuple[UUID, int]]
    """Those of them that it drives, by run and attempt; the others are of actions."""

    def company_of(self, run: HeldRun) -> int:
        """Return beside how many others it is driven."""
        return len(self.driven) - 1 if (run.run_id, run.attempt) in self.driven else 0


Stuck = Callable[[Running], None]
"""What is done about a step that goes on beyond its limit and cannot be interrupted."""


def begin(stuck: Stuck = lambda _: None) -> None:
    """Called in a worker that has just been born: its slot may have been another's."""
    slot = shared.own_slot()
    if slot is not None:
        start = slot * _table.row
        _table.memory[start : start + _table.row] = bytes(_table.row)
        _table.forget_own()
        witness_steps(StepsInMemory(stuck))


def hold(run: ClaimedRun) -> int | None:
    """Note that this worker drives the run, where there is room. Returns the place, for let_go."""
    if shared.own_slot() is None:
        return None
    driven = (run.attempt, 0, 0, False, time.monotonic(), math.inf, math.inf, b"")
    with _lock:
        if not _table.free_for_runs:
            return None
        place = _table.free_for_runs.pop()
        _write(place, _PLACE.pack(run.id.bytes, *driven))
        shared.set_holding(True)
    return place


def let_go(place: int | None) -> None:
    """Note that this worker drives the run in this place no more."""
    if place is None or shared.own_slot() is None:
        return
    with _lock:
        _clear(place)
        _table.free_for_runs.append(place)
        if len(_table.free_for_runs) == _table.runs:
            shared.set_holding(False)


class StepsInMemory:
    """Notes the steps of this process (engine.attempts.running_step.Witness)."""

    def __init__(self, stuck: Stuck = lambda _: None) -> None:
        self._stuck = stuck

    def stuck(self, running: Running) -> None:
        """Do about it what this worker does."""
        self._stuck(running)

    def begun(self, running: Running) -> None:
        """Note a step that begins, where there is room."""
        if shared.own_slot() is None:
            return
        try:
            running.place = _table.free_for_steps.pop()
        except IndexError:
            return
        self.goes_on(running)

    def goes_on(self, running: Running) -> None:
        """Note its limits anew."""
        if shared.own_slot() is None or running.place is None:
            return
        info, limit = running.info, running.limit
        noted = _PLACE.pack(
            info.run_id.bytes, running.attempt, info.position, info.attempt, running.undo,
            running.began, limit.ends_at, limit.beat_by, info.name.encode(errors="replace")[:NAME_BYTES],
        )  # fmt: skip
        _write(running.place, noted)

    def ended(self, running: Running) -> None:
        """Take the note away."""
        if shared.own_slot() is None or running.place is None:
            return
        _clear(running.place)
        _table.free_for_steps.append(running.place)
        running.place = None


def rows() -> list[Row]:
    """Return what this cluster's workers hold, or held when they died."""
    host, now = socket.gethostname(), time.monotonic()
    return [_row(holder, host, now) for holder in shared.holders()]


def forget(holder: shared.Holder) -> None:
    """Let the dead worker's row go to the next one that is born."""
    shared.forget(holder.slot)


def _row(holder: shared.Holder, host: str, now: float) -> Row:
    start = holder.slot * _table.row
    runs: dict[tuple[UUID, int], list[StepSeen]] = {}
    since: dict[tuple[UUID, int], float] = {}
    driven: set[tuple[UUID, int]] = set()
    for number in range(_table.runs + _table.steps):
        place = _read(start + number * _SIZE)
        if place is None:
            continue
        key = place.run_id, place.run_attempt
        steps = runs.setdefault(key, [])
        since[key] = min(place.since, since.get(key, now))
        if place.position:
            steps.append(_seen(place, host, holder.pid, now))
        else:
            driven.add(key)
    held = [HeldRun(*key, tuple(steps)) for key, steps in runs.items()]
    return Row(holder, held, since, driven)


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


def _write(place: int, noted: bytes) -> None:
    at = _at(place)
    _table.memory[at : at + _SIZE] = noted + _CHECKSUM.pack(zlib.crc32(noted))


def _clear(place: int) -> None:
    at = _at(place)
    _table.memory[at : at + _SIZE] = _EMPTY


def _at(place: int) -> int:
    """Return where a place of this process is."""
    return (shared.own_slot() or 0) * _table.row + place * _SIZE


def _read(at: int) -> Place | None:
    """Return what a place holds; None: nothing, or what nobody has finished writing."""
    for _ in range(TRIES):
        found = _table.memory[at : at + _SIZE]
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
