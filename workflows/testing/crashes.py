"""Kill a drive at every statement it sends, in turn, and see that nothing differs in the end."""

import random
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unittest import mock

from django.core import mail
from django.db import DatabaseError, models, transaction

from workflows.core.states import FINAL_STATES
from workflows.engine.requests import new_run
from workflows.models import Run
from workflows.testing import driving
from workflows.testing.clock import clock
from workflows.testing.killing import Death, Killer, Statement, killing
from workflows.testing.outcomes import Comparison, Observer, Outcome
from workflows.testing.rows import Ids, Tables

NOON = 946_728_000_000
"""Milliseconds since 1970: the moment with which all ids of a rehearsal begin."""
SAMPLE = 50
"""So many pairs of deaths are tried of a scenario."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is played, and what is looked at in the end."""

    play: Callable[[], Any]
    observer: Observer
    ids: Ids


@dataclass(frozen=True, kw_only=True)
class CrashReport:
    """What crash_everywhere did."""

    boundaries: int
    """How many times the scenario was played with a death in it, each at another place."""
    statements: int
    """How many writing statements the drives of the undisturbed scenario send."""
    pairs: int
    """How many of the boundaries had a second death after the first."""


made: list[CrashReport] = []
"""What has been rehearsed since somebody last looked: the pytest plugin counts it."""


def crash_everywhere(
    scenario: Callable[[], Any],
    *,
    observe: Callable[[], Any] = lambda: None,
    at_least_once: Callable[[], Iterable[Any]] = list,
    ignore: Collection[type[models.Model]] = (),
    pairs: bool | int = False,
    at_most: int | None = None,
) -> CrashReport:
    """Play a scenario undisturbed; then again for each statement its drives write with, killing
    the worker before it, and after it where it is a commit of its own, letting the run be
    recovered, and going on to the end.
    Where the statement is the engine's own, also with the worker overtaken at it: taken for dead,
    the run driven on by another, and then waking up to send it after all.

    In the end all runs, the rows of the project's own tables, and the mails must be those of the
    undisturbed play. Mails may be repeated. Ids of new rows are not compared; of what differs
    between undisturbed plays as well (times, chance), only whether it is there.

    scenario       starts runs, sends events, lets time pass, with this kit's verbs; clears first
                   what it collects outside the database (mail.outbox is cleared for it)
    observe        returns what else must be equal in the end: effects that happen exactly once
    at_least_once  returns effects that may be repeated, but must be the same ones
    ignore         models whose rows are not compared: written by steps that are not atomic, which
                   may happen twice
    pairs          also kills a second worker while it recovers from the first death, at a sample
                   of places, the same every time: True for SAMPLE of them, or how many

    at_most        so many of the places only, spread evenly over the story: for long stories of
                   which another test, run by name, tries every place

    Raises AssertionError naming the place at which outcomes, history or effects differ. Every
    scenario is played in a transaction that is rolled back, so that each starts alike and the
    database is left as it was; on_commit hooks do not run. An action that runs at most once may
    rightly end in doubt after a crash: make it atomic, or let the scenario do without it.
    """
    _check(scenario, pairs, ignore)
    if at_most is not None and (not isinstance(at_most, int) or at_most < 1):
        raise ValueError(f"crash_everywhere: at_most is {at_most!r:.80}; give 1 or more, or None")
    tables = Tables(ignore=ignore)
    before = frozenset(Run.objects.values_list("id", flat=True))
    observer = Observer(observe=observe, at_least_once=at_least_once, tables=tables, before=before)
    return _kill_everywhere(
        Scenario(play=scenario, observer=observer, ids=Ids(tables)),
        pairs=SAMPLE if pairs is True else int(pairs),
        at_most=at_most,
    )


def _check(scenario: Any, pairs: Any, ignore: Any) -> None:
    if not callable(scenario):
        raise ValueError(f"crash_everywhere: the scenario is {scenario!r:.80}; give a function")
    if not isinstance(pairs, int) or pairs < 0:
        raise ValueError(f"crash_everywhere: pairs is {pairs!r:.80}; give True, or how many")
    models_only = isinstance(ignore, Collection) and all(isinstance(each, type) for each in ignore)
    if not models_only:
        raise ValueError(f"crash_everywhere: ignore is {ignore!r:.80}; give a list of models")


def _kill_everywhere(played: Scenario, *, pairs: int, at_most: int | None) -> CrashReport:
    calm = Killer()
    compared = Comparison(_outcome(played, calm))
    if not calm.seen:
        raise AssertionError("nothing was tried: the scenario drives no run; let it start one")
    everywhere = list(_places(calm.seen))
    places, twice = spread(everywhere, at_most), _pairs(everywhere, pairs)
    for deaths in places + twice:
        _play_with(played, deaths, calm.seen, compared)
    made.append(
        CrashReport(
            boundaries=len(places) + len(twice),
            statements=sum(not each.commit for each in calm.seen),
            pairs=len(twice),
        )
    )
    return made[-1]


def _places(seen: list[Statement]) -> Iterator[list[Death]]:
    for number, statement in enumerate(seen, start=1):
        if not statement.commit:  # before it is before what is committed
            yield [Death(number=number, when="before")]
        if statement.alone:  # any other is rolled back with the step's transaction
            yield [Death(number=number, when="after")]
            if statement.by_engine:
                yield [Death(number=number, when="overtaken at")]


def spread(places: list[list[Death]], at_most: int | None) -> list[list[Death]]:
    """Return one place out of each of so many parts of the story: by chance, lest all of them be of
    one kind, but the same every time."""
    if at_most is None or len(places) <= at_most:
        return places
    chance = random.Random(len(places))  # noqa: S311 - no secret
    bounds = [number * len(places) // at_most for number in range(at_most + 1)]
    return [places[chance.randrange(*part)] for part in pairwise(bounds)]


def _pairs(places: list[list[Death]], count: int) -> list[list[Death]]:
    chance = random.Random(0)  # noqa: S311 - no secret
    firsts = [deaths[0] for deaths in places if deaths[0].when != "overtaken at"]
    return [
        [first, Death(number=chance.randint(1, 3), when=chance.choice(("before", "after")))]
        for first in chance.sample(firsts, min(count, len(firsts)))
    ]


def _play_with(
    played: Scenario, deaths: list[Death], seen: list[Statement], compared: Comparison
) -> None:
    where = _name(deaths, seen)
    try:
        found = _outcome(played, Killer(deaths=list(deaths)))
    except Exception as exc:
        still_open = "; ".join(["", *getattr(exc, "__notes__", [])])
        raise AssertionError(f"{where}: the scenario raised {exc!r}{still_open}") from exc
    if compared.difference(found) is None:
        return
    compared.learn(_outcome(played, Killer()))
    told = compared.difference(found)
    if told is not None:
        raise AssertionError(f"{where}: {told}")


def _outcome(played: Scenario, killer: Killer) -> Outcome:
    driving.forget_time()
    if hasattr(mail, "outbox"):
        mail.outbox.clear()
    played.ids.as_at_first()
    killer.after_death = played.ids.as_if_never_asked
    try:
        with _as_in_a_test_case(), _same_ids():
            with killing(killer), _open_runs_told():
                played.play()
                driving.drive_until_idle()
            found = played.observer.outcome()
            transaction.set_rollback(True)
    finally:
        driving.forget_time()
    return found


@contextmanager
def _open_runs_told() -> Iterator[None]:
    """Let what the scenario raises name the runs that are not over: its rows are gone by then."""
    try:
        yield
    except DatabaseError:
        raise  # nothing can be asked any more
    except Exception as exc:
        now = clock.now()
        for run in Run.objects.exclude(state__in=sorted(FINAL_STATES)).order_by("created_at"):
            due = "never" if run.wake_at is None else f"in {(run.wake_at - now).total_seconds()} s"
            exc.add_note(f"{run.workflow} {run.pk} is {run.state}, due {due}")
        raise


def _as_in_a_test_case() -> transaction.Atomic:
    """Return a transaction that atomic(durable=True) does not count."""
    block = transaction.atomic()
    setattr(block, "_from_testcase", True)  # noqa: B010 - as TestCase does it
    return block


@contextmanager
def _same_ids() -> Iterator[None]:
    """Give runs the same ids every time: what they derive from them must not differ."""
    bits = random.Random(0)  # noqa: S311 - no secret
    with (
        mock.patch("uuid.uuid4", lambda: uuid.UUID(int=bits.getrandbits(128), version=4)),
        mock.patch.object(new_run, "milliseconds_now", lambda: NOON),
    ):
        yield


def _name(deaths: list[Death], seen: list[Statement]) -> str:
    first = deaths[0]
    whats = [statement.what for statement in seen[: first.number]]
    same = whats.count(whats[-1])
    again = "".join(
        f", and again {each.when} statement {each.number} after it" for each in deaths[1:]
    )
    verb = "overtaken at" if first.when == "overtaken at" else f"killed {first.when}"
    return f"{verb} statement {first.number} ({whats[-1]}, number {same} of these){again}"
