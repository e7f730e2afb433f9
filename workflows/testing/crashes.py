"""Kill a drive at every statement it sends, in turn, and see that nothing differs in the end."""

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from typing import Any
from unittest import mock

from django.db import connection, transaction
from django.db.models.functions import Now

from workflows.conf import conf
from workflows.core.history import HistoryKind
from workflows.core.states import HELD_STATES
from workflows.models import History, Run
from workflows.store import database
from workflows.store.workers import sweep
from workflows.testing import driving

READS = "SELECT"
_A_SECOND = timedelta(seconds=1)
NOT_COMPARED = {HistoryKind.RECOVERED.value}


class Crash(KeyboardInterrupt):
    """The worker dies here. Once dead, every further statement dies too. Neither the engine nor a
    step may count it as an error of its own."""


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """A place where a worker was killed."""

    number: int
    """Which writing statement of the scenario's drives, from 1."""
    when: str
    """before or after it"""
    statement: str

    def __str__(self) -> str:
        return f"{self.when} statement {self.number} ({self.statement})"


@dataclass(frozen=True, kw_only=True)
class CrashReport:
    """What crash_everywhere did."""

    boundaries: int
    """How many places a worker was killed at, each in a scenario of its own."""
    statements: int
    """How many writing statements the undisturbed scenario sends."""


@dataclass
class _Killer:
    at: int | None = None
    when: str = "before"
    seen: list[str] = field(default_factory=list)
    dead: bool = False
    driving: bool = False

    def around(self, real: Callable[..., Any], sql: str, params: Any = ()) -> Any:
        if not self.driving:
            return real(sql, params)
        if self.dead:
            raise Crash
        if sql.lstrip().startswith(READS):
            return real(sql, params)
        self.seen.append(_describe(sql, params))
        due = len(self.seen) == self.at
        if due and self.when == "before":
            self.die()
        result = real(sql, params)
        if due:
            self.die()
        return result

    def die(self) -> None:
        self.dead = True
        raise Crash


def crash_everywhere(
    scenario: Callable[[], Any],
    *,
    observe: Callable[[], Any] = lambda: None,
    at_least_once: Callable[[], list[Any]] = list,
) -> CrashReport:
    """Run a scenario undisturbed; then again for each statement its drives write with, killing
    the worker before and after it, letting the run be recovered, and going on to the end.

    scenario       starts runs, sends events, advances time, with this kit's verbs
    observe        returns what must be equal in the end: rows, effects that happen exactly once
    at_least_once  returns effects that may be repeated, but must be the same as a set

    Raises AssertionError naming the boundary at which outcome, history or effects differ. Every
    scenario runs in a transaction of its own that is rolled back, so that each starts alike and
    the database is left as it was; on_commit hooks do not run.
    """
    calm = _Killer()
    expected = _outcome(scenario, observe, at_least_once, calm)
    boundaries = 0
    for number, statement in enumerate(calm.seen, start=1):
        for when in ("before", "after"):
            killer = _Killer(at=number, when=when)
            found = _outcome(scenario, observe, at_least_once, killer)
            boundaries += 1
            where = Boundary(number=number, when=when, statement=statement)
            _compare(expected, found, where)
    return CrashReport(boundaries=boundaries, statements=len(calm.seen))


def _outcome(
    scenario: Callable[[], Any],
    observe: Callable[[], Any],
    at_least_once: Callable[[], list[Any]],
    killer: _Killer,
) -> dict[str, list[Any]]:
    driving.forget_time()
    before = set(Run.objects.values_list("id", flat=True))
    with transaction.atomic():
        with _killing(killer), _same_ids():
            scenario()
            driving.drive_until_idle()
        found = {
            "runs": _runs(before),
            "observed": [observe()],
            "effects": sorted({repr(each) for each in at_least_once()}),
        }
        transaction.set_rollback(True)
    return found


@contextmanager
def _same_ids() -> Iterator[None]:
    """Give runs the same ids every time: what they derive from them must not differ."""
    bits = random.Random(0)  # noqa: S311 - no secret
    with mock.patch("uuid.uuid4", lambda: uuid.UUID(int=bits.getrandbits(128), version=4)):
        yield


@contextmanager
def _killing(killer: _Killer) -> Iterator[None]:
    real_query, real_drive = database.query, driving.drive

    def query(sql: str, params: Any = ()) -> Any:
        return killer.around(real_query, sql, params)

    def drive(run: Any, **options: Any) -> Any:
        killer.driving = True
        try:
            return real_drive(run, **options)
        except Crash:
            killer.driving, killer.at, killer.dead = False, None, False
            _recover()
            return False
        finally:
            killer.driving = False

    with mock.patch.object(database, "query", query), mock.patch.object(driving, "drive", drive):
        yield


def _recover() -> None:
    """The dead worker's lease has run out: the run goes back to the queue."""
    held = Run.objects.filter(state__in=sorted(HELD_STATES), lease_until__isnull=False)
    held.update(lease_until=Now() - _A_SECOND)
    sweep(connection.connection, max_crashes=conf().max_crashes)


def _runs(before: set[uuid.UUID]) -> list[dict[str, Any]]:
    """Return how every new run ended, without what a crash may change: times and attempts."""
    found = []
    for run in Run.objects.exclude(pk__in=before).order_by("pk"):
        lines = History.objects.filter(run=run).exclude(kind__in=NOT_COMPARED).order_by("id")
        found.append(
            {
                "workflow": run.workflow,
                "state": run.state,
                "status": run.status,
                "output": run.output,
                "error": (run.error or {}).get("message"),
                "compensation_error": (run.compensation_error or {}).get("message"),
                "data": run.data,
                "history": [(line.kind, line.position, line.part, line.name) for line in lines],
            }
        )
    return found


def _compare(expected: dict[str, list[Any]], found: dict[str, list[Any]], where: Boundary) -> None:
    for what, values in expected.items():
        pairs = zip_longest(values, found[what], fillvalue="nothing")
        for calm, crashed in pairs:
            if calm != crashed:
                raise AssertionError(
                    f"killed {where}, the {what} differ:\n"
                    f"  undisturbed:     {calm}\n  after the crash: {crashed}"
                )


def _describe(sql: str, params: Any) -> str:
    words = [str(each) for each in params if isinstance(each, str) and len(str(each)) < 40]
    verb = next((word for word in ("INSERT INTO", "UPDATE") if word in sql), "statement")
    return f"{verb}: {', '.join(words[:4])}"
