"""Kill a drive at every statement it sends, in turn, and see that nothing differs in the end."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from unittest import mock

from django.core import mail
from django.db import transaction

from workflows.core.history import HistoryKind
from workflows.models import Event, History, Run
from workflows.testing import clock, driving
from workflows.testing.killing import Death, Killer, Statement, killing

SAMPLE = 50
"""So many pairs of deaths are tried of a scenario."""
_ = HistoryKind
# Missing or repeated after a crash without harm: an event may be there already when the code comes
# to its wait again, and a recovery tells of itself; a wait for newer code is told anew after one.
NOT_COMPARED = frozenset(
    kind.value for kind in (_.RECOVERED, _.WAIT_STARTED, _.SLEEP_STARTED, _.CODE_AWAITED)
)

Outcome = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is played, and what is looked at in the end."""

    play: Callable[[], Any]
    observe: Callable[[], Any]
    at_least_once: Callable[[], Iterable[Any]]


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
    pairs: bool | int = False,
) -> CrashReport:
    """Play a scenario undisturbed; then again for each statement its drives write with, killing
    the worker before it, and after it where it is a commit of its own, letting the run be
    recovered, and going on to the end.
    Where the statement is the engine's own, also with the worker overtaken at it: taken for dead,
    the run driven on by another, and then waking up to send it after all.

    scenario       starts runs, sends events, lets time pass, with this kit's verbs; clears first
                   what it collects outside the database (mail.outbox is cleared for it)
    observe        returns what must be equal in the end: rows, effects that happen exactly once
    at_least_once  returns effects that may be repeated, but must be the same ones
    pairs          also kills a second worker while it recovers from the first death, at a sample
                   of places, the same every time: True for SAMPLE of them, or how many

    Raises AssertionError naming the place at which outcomes, history or effects differ. Every
    scenario is played in a transaction that is rolled back, so that each starts alike and the
    database is left as it was; on_commit hooks do not run. An action that runs at most once may
    rightly end in doubt after a crash: make it atomic, or let the scenario do without it.
    """
    clock.install()
    played = Scenario(play=scenario, observe=observe, at_least_once=at_least_once)
    calm = Killer()
    expected = _outcome(played, calm)
    places = list(_places(calm.seen))
    twice = _pairs(places, SAMPLE if pairs is True else int(pairs))
    for deaths in places + twice:
        _play_with(played, deaths, calm.seen, expected)
    made.append(
        CrashReport(
            boundaries=len(places) + len(twice), statements=len(calm.seen), pairs=len(twice)
        )
    )
    return made[-1]


def _places(seen: list[Statement]) -> Iterator[list[Death]]:
    for number, statement in enumerate(seen, start=1):
        yield [Death(number=number, when="before")]
        if statement.alone:  # any other is rolled back with the step's transaction
            yield [Death(number=number, when="after")]
            if statement.by_engine:
                yield [Death(number=number, when="overtaken at")]


def _pairs(places: list[list[Death]], count: int) -> list[list[Death]]:
    chance = random.Random(0)  # noqa: S311 - no secret
    firsts = [deaths[0] for deaths in places if deaths[0].when != "overtaken at"]
    return [
        [first, Death(number=chance.randint(1, 3), when=chance.choice(("before", "after")))]
        for first in chance.sample(firsts, min(count, len(firsts)))
    ]


def _play_with(
    played: Scenario, deaths: list[Death], seen: list[Statement], expected: Outcome
) -> None:
    where = _name(deaths, seen)
    try:
        found = _outcome(played, Killer(deaths=list(deaths)))
    except Exception as exc:
        raise AssertionError(f"{where}: the scenario raised {exc!r}") from exc
    for what, values in expected.items():
        missing = [each for each in values if each not in found[what]]
        extra = [each for each in found[what] if each not in values]
        for calm, crashed in zip_longest(missing, extra, fillvalue="nothing like it"):
            calm, crashed = _differing(calm, crashed)
            raise AssertionError(
                f"{where}: the {what} differ\n"
                f"  undisturbed:     {calm}\n  after the crash: {crashed}"
            )
        if len(values) != len(found[what]):
            counts = f"{len(values)} undisturbed, {len(found[what])} after the crash"
            raise AssertionError(f"{where}: there are {counts} among the {what}")


def _outcome(played: Scenario, killer: Killer) -> Outcome:
    driving.forget_time()
    if hasattr(mail, "outbox"):
        mail.outbox.clear()
    before = set(Run.objects.values_list("id", flat=True))
    try:
        with transaction.atomic(), _same_ids():
            with killing(killer):
                played.play()
                driving.drive_until_idle()
            found = {
                "runs": _runs(before),
                "observations": [played.observe()],
                "effects": sorted({repr(each) for each in played.at_least_once()}),
            }
            transaction.set_rollback(True)
    finally:
        driving.forget_time()
    return found


@contextmanager
def _same_ids() -> Iterator[None]:
    """Give runs the same ids every time: what they derive from them must not differ."""
    bits = random.Random(0)  # noqa: S311 - no secret
    with mock.patch("uuid.uuid4", lambda: uuid.UUID(int=bits.getrandbits(128), version=4)):
        yield


def _runs(before: set[uuid.UUID]) -> list[dict[str, Any]]:
    """Return how every new run ended, without what a crash may change: times and attempts."""
    found = []
    for run in Run.objects.exclude(pk__in=before).order_by("pk"):
        lines = History.objects.filter(run=run).exclude(kind__in=NOT_COMPARED).order_by("id")
        events = Event.objects.filter(run=run).order_by("name", "key", "id")
        found.append(
            {
                "workflow": run.workflow,
                "state": run.state,
                "status": run.status,
                "output": run.output,
                "error": (run.error or {}).get("message"),
                "compensation_error": (run.compensation_error or {}).get("message"),
                "data": run.data,
                "attributes": run.attributes,
                "history": [(line.kind, line.position, line.part, line.name) for line in lines],
                "events": [(event.name, event.position) for event in events],
            }
        )
    return found


def _differing(calm: Any, crashed: Any) -> tuple[Any, Any]:
    """Leave out what is equal in both."""
    if not isinstance(calm, dict) or not isinstance(crashed, dict):
        return calm, crashed
    names = [name for name in calm if calm[name] != crashed.get(name)]
    return {name: calm[name] for name in names}, {name: crashed.get(name) for name in names}


def _name(deaths: list[Death], seen: list[Statement]) -> str:
    first = deaths[0]
    whats = [statement.what for statement in seen[: first.number]]
    same = whats.count(whats[-1])
    again = "".join(
        f", and again {each.when} statement {each.number} after it" for each in deaths[1:]
    )
    verb = "overtaken at" if first.when == "overtaken at" else f"killed {first.when}"
    return f"{verb} statement {first.number} ({whats[-1]}, number {same} of these){again}"
