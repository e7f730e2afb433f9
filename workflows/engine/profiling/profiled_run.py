"""Drive a run of one's own under cProfile, in a transaction that is rolled back.

No cluster ever sees its rows, also where this process dies in the middle. Time passes at once: sleeps,
and the pauses between attempts. The runs that it starts are driven here as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows.conf import conf
from workflows.core.run import RunView
from workflows.core.unwind import StoreFailed
from workflows.engine import announcements
from workflows.engine.drive.drive import drive
from workflows.engine.profiling.recorded_steps import RecordedContext, RecordedSteps
from workflows.engine.requests.send_event import send_event
from workflows.engine.requests.start import start
from workflows.engine.session.session import Session
from workflows.store.database import set_clock
from workflows.store.queue import claim_run
from workflows.store.run_family import Relative, run_family
from workflows.store.views import get_run

MOST_DRIVES = 1_000
"""Of a run with its family: one that loops for ever ends here."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be profiled."""

    workflow: str
    input: str | Mapping[str, Any]
    """A JSON object, as text or read."""
    events: tuple[tuple[str, Any], ...] = ()
    """Sent right after the start: names and payloads."""
    recorded: RecordedSteps | None = None
    """What answers in the place of the steps; None: they run."""


@dataclass(kw_only=True)
class Profiled:
    """What was profiled, and how the run stood when it went no further by itself."""

    run: RunView
    drives: int
    runs: int
    """With children, and those that it went on as."""


class _Clock:
    """The engine's time, ahead by what was let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    @contextmanager
    def set(self) -> Iterator[None]:
        set_clock(lambda: self.ahead)
        try:
            yield
        finally:
            set_clock(None)


@dataclass(kw_only=True)
class _Drives:
    """The drives of a run and its family."""

    first: UUID
    session_class: type[Session]
    profile: Profile
    clock: _Clock
    done: int = 0

    def go_on(self) -> None:
        """Drive what is due, and let the time pass for which somebody waits, until nobody does."""
        while self.done < MOST_DRIVES:
            family = run_family(self.first)
            times = [run.due_in_seconds for run in family if run.due_in_seconds is not None]
            if not times:
                return
            if min(times) > 0:
                self.clock.ahead += timedelta(seconds=min(times))
                family = run_family(self.first)
            if not self._drive(family):
                return

    def _drive(self, family: list[Relative]) -> bool:
        """Drive what is due. False: nothing could be."""
        before = self.done
        for run_id, due_in_seconds in family:
            if due_in_seconds is not None and due_in_seconds <= 0:
                with _counting(self.profile):
                    self._drive_one(run_id)
        return self.done > before

    def _drive_one(self, run_id: UUID) -> None:
        # Only this one: the queue of the database is the clusters'.
        run = claim_run(worker_id=None, lease_seconds=conf().lease_seconds, only=run_id)
        if run is not None:
            announcements.run_claimed(run, worker_id=None)
            drive(run, make_session=self.session_class)
            self.done += 1


def profile_run(plan: Plan, profile: Profile) -> Profiled:
    """Profile one run from its start as far as it goes by itself. Raises what start does, and
    DatabaseError where a step has broken the transaction."""
    clock, session_class = _Clock(), _session_class(plan.recorded)
    with transaction.atomic(), _rolled_back(), clock.set():
        with _counting(profile):
            run = start(plan.workflow, input_json=plan.input)
            for name, payload in plan.events:
                send_event(run.id, name, payload)
        drives = _Drives(first=run.id, session_class=session_class, profile=profile, clock=clock)
        drives.go_on()
        return Profiled(run=get_run(run.id), drives=drives.done, runs=len(run_family(run.id)))


@contextmanager
def _rolled_back() -> Iterator[None]:
    try:
        yield
    except StoreFailed as failed:
        raise failed.cause from None
    finally:
        transaction.set_rollback(True)


@contextmanager
def _counting(profile: Profile) -> Iterator[None]:
    profile.enable()
    try:
        yield
    finally:
        profile.disable()


def _session_class(recorded: RecordedSteps | None) -> type[Session]:
    if recorded is None:
        return Session
    context = type("ProfiledContext", (RecordedContext,), {"__slots__": (), "recorded": recorded})
    return type("ProfiledSession", (Session,), {"context_class": context})
