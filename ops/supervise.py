"""Watch services: start again what dies, stop all in order, leave nobody behind."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from ops.places import say
from ops.process import kill_group, spawn
from ops.refusal import Refused

MAX_DEATHS = 5
FIRST_PAUSE_SECONDS = 0.2
DEATHS_COUNT_SECONDS = 60
STOP_SECONDS = 2.5
"""How long services may take to stop; they go in two rounds, and all is over within 5 s."""
LEAVING_SECONDS = 30.0
"""How long a service that is to start again may take to end what it is at."""
TICK_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Service:
    """A process that is to run until we stop."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    stop_signal: int = signal.SIGTERM
    stops_last: bool = False
    """The others need it until they have stopped."""
    child: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float = 0.0
    """When to start it again, on the monotonic clock."""
    leaves_until: float | None = None
    """Until when it may end by itself, where it was asked to, so as to start again."""

    def start_again(self) -> None:
        """Ask it to stop, as at the end; it is started again as soon as it has."""
        if self.child is not None and self.leaves_until is None:
            self.leaves_until = time.monotonic() + LEAVING_SECONDS
            # The main process only, for the reason that stop_together has.
            self.child.send_signal(self.stop_signal)


class GaveUp(Refused):
    """A service died too often."""

    exit_code = 1


def python_service(
    name: str, command: Sequence[str | Path], *, env: Mapping[str, str], logs: Path
) -> Service:
    """Return a service of ours, which writes its log to a file of its name."""
    log = logs / f"{name}.log"

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return spawn(command, env=env, log=out)

    return Service(name, start, log)


class Signals:
    """Collects signals while the loop sleeps; any signal wakes it at once."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal that asks us to stop."""
        self.received.append(number)

    def wait(self, seconds: float) -> None:
        """Sleep until a signal arrives or the time is over."""
        if select.select([self.reader], [], [], seconds)[0]:
            os.read(self.reader, 4096)


@contextlib.contextmanager
def collected_signals() -> Iterator[Signals]:
    """Collect stop signals and children's deaths instead of dying of them."""
    signals = Signals()
    before = {number: signal.signal(number, signals.note) for number in STOP_SIGNALS}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
    wakeup = signal.set_wakeup_fd(signals.writer, warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(signals.reader)
        os.close(signals.writer)


def supervise(services: Sequence[Service], *, each_tick: Callable[[], None]) -> int:
    """Run services until a signal asks to stop; return the exit code.

    Everything is stopped on the way out, however that is. Raises GaveUp where one died too often.
    """
    with collected_signals() as signals:
        try:
            while not signals.received:
                for service in services:
                    keep_alive(service)
                each_tick()
                signals.wait(TICK_SECONDS)
        finally:
            stop_all(services, signals)
    return 0 if signals.received[0] == signal.SIGINT else 128 + signals.received[0]


def keep_alive(service: Service) -> None:
    """Start the service where it is not running; a bounded number of times."""
    child = service.child
    if child is not None and service.leaves_until is not None:
        if child.poll() is None and time.monotonic() < service.leaves_until:
            return
        kill_group(child)  # what it left behind, or all that takes too long
        child.wait()
        service.child = service.leaves_until = None
    elif child is not None and child.poll() is not None:
        note_death(service, child)
        service.child = None
    if service.child is None and time.monotonic() >= service.start_at:
        service.child = service.start()


def note_death(service: Service, child: subprocess.Popen[bytes]) -> None:
    """Say that a service died and when it is started again. Raises GaveUp after too many."""
    kill_group(child)  # what it left behind would hold its port
    now = time.monotonic()
    service.deaths = [at for at in service.deaths if now - at < DEATHS_COUNT_SECONDS] + [now]
    if len(service.deaths) >= MAX_DEATHS:
        raise GaveUp(
            f"{service.name} died {MAX_DEATHS} times within {DEATHS_COUNT_SECONDS} s, "
            f"so everything is stopped; the end of {service.log}:\n{tail(service.log)}"
        )
    service.start_at = now + FIRST_PAUSE_SECONDS * 2 ** (len(service.deaths) - 1)
    say(f"{service.name} ended ({ending(child.returncode)}); it is started again.")


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def stop_all(services: Sequence[Service], signals: Signals) -> None:
    """Stop everything, in two rounds."""
    stop_together([service for service in services if not service.stops_last], signals)
    stop_together([service for service in services if service.stops_last], signals)


def stop_together(services: Sequence[Service], signals: Signals) -> None:
    """Ask these services to stop and kill what is too slow; a second Ctrl-C kills at once."""
    running = [(service, service.child) for service in services if service.child is not None]
    for service, child in running:
        # The main process only: django-q2's cluster hangs when its whole group is signalled.
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(service.stop_signal)
    patience = len(signals.received) + 1
    deadline = time.monotonic() + STOP_SECONDS
    while any(child.poll() is None for _, child in running):
        if time.monotonic() > deadline or len(signals.received) > patience:
            break
        signals.wait(0.05)
    for service, child in running:
        kill_group(child)
        child.wait()
        service.child = None
