"""The deaths of workers: where a drive can be killed, and what is done about it afterwards."""

import contextvars
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from unittest import mock

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now

from workflows.conf import conf
from workflows.core.history import HistoryKind
from workflows.core.states import HELD_STATES
from workflows.engine import execute_action
from workflows.engine.drive.drive import drive as engine_drive
from workflows.models import Run
from workflows.store.database import intercepted
from workflows.store.sweep import sweep
from workflows.testing import driving
from workflows.testing.committing import BOUNDS, as_if_committed

When = Literal["before", "after", "overtaken at"]
_A_SECOND = timedelta(seconds=1)
_READS = re.compile(r"\s*(SELECT|FETCH|DECLARE)\b", re.I)
_KINDS = [kind.value for kind in HistoryKind]
_COMMITS = re.compile(r"\s*RELEASE\b", re.I)
_VERB = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', re.I)


class Crash(KeyboardInterrupt):
    """The worker dies here. Once dead, every further statement dies too. Neither the engine nor a
    step may count it as an error of its own."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A writing statement of a drive."""

    what: str
    """The kind of the line of history it writes and the step's name, or verb and table."""
    by_engine: bool
    alone: bool
    """Committed by itself, not as part of a transaction of the step's."""
    commit: bool = False
    """The end of a transaction of the step's own."""


@dataclass(frozen=True, kw_only=True)
class Death:
    """Where a worker is killed; or overtaken: taken for dead, and the run driven by another."""

    number: int
    """Which writing statement of the drives since the last death, from 1."""
    when: When


@dataclass
class Killer:
    """Counts the writing statements of drives, and strikes at the places it was given."""

    deaths: list[Death] = field(default_factory=list)
    seen: list[Statement] = field(default_factory=list)
    count: int = 0
    dead: bool = False
    driving: bool = False
    depth: int = 0
    """How many savepoints deep the test itself is."""
    sending: bool = False
    """A statement is on its way, with savepoints of its own."""
    after_death: Callable[[], None] = lambda: None
    """Called once a worker is dead and its transaction rolled back."""

    def around(self, real: Callable[[], Any], sql: str, params: Any, *, by_engine: bool) -> Any:
        """Send a statement, unless the worker dies before it."""
        if not self.driving or (BOUNDS.match(sql) and not self._ends_a_block(sql)):
            return real()
        if self.dead:
            raise Crash
        if _READS.match(sql):
            return real()
        death = self._note(sql, params, by_engine)
        if death is not None and death.when == "overtaken at":
            self._overtake()
        elif death is not None and death.when == "before":
            self._die()
        self.sending = True
        try:
            result = real()
        finally:
            self.sending = False
        if death is not None and death.when == "after":
            self._die()
        return result

    def _ends_a_block(self, sql: str) -> bool:
        """Whether this commits what a step has put into a transaction, and the step goes on."""
        return (
            _COMMITS.match(sql) is not None
            and not (self.dead or self.sending)
            and len(connection.savepoint_ids) == self.depth
            and bool(self.seen)
            and not (self.seen[-1].alone or self.seen[-1].by_engine)
        )

    def _note(self, sql: str, params: Any, by_engine: bool) -> Death | None:
        """Take note of a statement; return the death that is due at it."""
        alone = len(connection.savepoint_ids) == self.depth
        if _COMMITS.match(sql):
            told = Statement(
                what=f"commit of {self.seen[-1].what}", by_engine=False, alone=True, commit=True
            )
        else:
            told = Statement(what=describe(sql, params), by_engine=by_engine, alone=alone)
        self.seen.append(told)
        self.count += 1
        return self._due()

    def recover(self) -> None:
        """Let another worker have the runs of the dead one."""
        self.dead, self.count = False, 0
        self.after_death()
        release_the_held()

    def _due(self) -> Death | None:
        if self.deaths and self.deaths[0].number == self.count:
            return self.deaths.pop(0)
        return None

    def _die(self) -> None:
        self.dead = True
        raise Crash

    def _overtake(self) -> None:
        release_the_held()
        contextvars.Context().run(_drive_as_another, connections.all(initialized_only=True))
        self.driving = True


@contextmanager
def killing(killer: Killer) -> Iterator[None]:
    """Let the killer at every drive of this kit inside the block."""

    def engine(send: Any, statement: Any, params: Any, on: Any) -> Any:
        sent = lambda: send(statement, params, on)  # noqa: E731
        return killer.around(sent, statement.text, params, by_engine=True)

    def execute(real: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        send = lambda: real(sql, params, many, context)  # noqa: E731
        return killer.around(send, sql, params, by_engine=False)

    def drive(run: Any, **options: Any) -> bool:
        if killer.driving:  # an action executed inside a step dies with its step
            return engine_drive(run, **options)
        killer.driving = True
        try:
            engine_drive(run, **options)
        except Crash:
            killer.dead = True
        finally:
            killer.driving = False
        if killer.dead:  # even where a step has swallowed it
            killer.recover()
        return False

    def drive_an_action(run: Any, **options: Any) -> bool:
        if len(connection.savepoint_ids) > killer.depth:  # its caller's transaction dies with it
            return engine_drive(run, **options)
        with as_if_committed():
            return drive(run, **options)

    killer.depth = len(connection.savepoint_ids)
    with (
        intercepted(engine),
        mock.patch.object(driving, "drive", drive),
        mock.patch.object(execute_action, "drive", drive_an_action),
        connection.execute_wrapper(execute),
    ):
        yield


def _drive_as_another(known: Iterable[BaseDatabaseWrapper]) -> None:
    """Drive in a context of one's own: the other worker is not inside this one's step. Where a loop
    runs in this thread, Django's connections belong to the context too: take these along."""
    for each in known:
        connections[each.alias] = each
    driving.drive_until_idle()


def release_the_held() -> None:
    """Let the leases of all held runs have run out: the sweep puts them back into the queue."""
    held = Run.objects.filter(state__in=sorted(HELD_STATES), lease_until__isnull=False)
    held.update(lease_until=Now() - _A_SECOND)
    sweep(connection.connection, max_crashes=conf().max_crashes, longest_pause_seconds=0)


def describe(sql: str, params: Any) -> str:
    """Say in a few words what a statement does."""
    if isinstance(params, dict) and params.get("kind") in _KINDS:
        return f"{params['kind']} {params.get('name') or ''}".strip()
    inside = [kind for kind in _KINDS if f"'{kind}'" in sql]
    if inside:
        return inside[0]
    verb = _VERB.search(sql)
    return f"{verb[1].upper()} {verb[2]}" if verb else " ".join(sql.split()[:3])
