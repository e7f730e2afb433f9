"""The same work in several processes that begin at the same moment."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

Result = TypeVar("Result")
BEGIN_SECONDS = 60


class ProcessDied(Exception):
    """A process ended without a result; it has printed why."""


def side_by_side(
    work: Callable[..., Result], arguments: Sequence[tuple[object, ...]]
) -> list[Result]:
    """Call the work in a fresh process for each set of arguments. Raises ProcessDied."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(len(arguments))
    receivers: list[Connection] = []
    for given in arguments:
        receiver, sender = spawn.Pipe(duplex=False)
        # Daemons are ended with this process; others would be waited for.
        spawn.Process(target=hand_back, args=(sender, barrier, work, given), daemon=True).start()
        sender.close()
        receivers.append(receiver)
    try:
        return [receiver.recv() for receiver in receivers]
    except EOFError:
        raise ProcessDied(f"a process of {work.__name__} died; the lines above say why") from None


def hand_back(
    sender: Connection, barrier: Barrier, work: Callable[..., Any], given: tuple[object, ...]
) -> None:
    """Wait for the others, work, send the result."""
    barrier.wait(BEGIN_SECONDS)
    sender.send(work(*given))
