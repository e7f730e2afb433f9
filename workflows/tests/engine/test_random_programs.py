"""Random programs, driven with random deaths and cancels, end as a simple model says."""

import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from workflows.api import (
    ChildFailed,
    Context,
    Permanent,
    RunState,
    StepFailed,
    cancel,
    get_run,
    replay_open_runs,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.states import HELD_STATES
from workflows.engine.drive import drive
from workflows.models import Run
from workflows.store import database
from workflows.store.runs import claim_run
from workflows.store.workers import sweep
from workflows.tests.builders import LEASE_SECONDS, expire_lease
from workflows.tests.flows import ONCE

pytestmark = pytest.mark.django_db
Program = list[list[Any]]
MOST_DRIVES = 400


@dataclass
class World:
    """What programs have done outside the engine."""

    done: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)


world = World()


def take_back(output: str, name: str, fails: bool) -> None:
    world.undone.add(output)


@step(retry=ONCE, compensate=take_back)
def do(name: str, fails: bool) -> str:
    if fails:
        raise Permanent(name)
    world.done.add(name)
    return name


@workflow("tests.random", on_failure="compensate", on_cancel="compensate")
def run_program(run: Context, program: Program, path: str = "") -> list[str]:
    told: list[str] = []
    for number, (what, *rest) in enumerate(program):
        name = f"{path}{number}"
        run.data["at"] = name
        match what:
            case "step":
                told.append(run.step(do, name, rest[0]))
            case "caught":
                try:
                    run.step(do, name, True)
                except StepFailed as failed:
                    told.append(f"caught {failed.message}")
            case "sleep":
                run.sleep(0)
            case "wait":
                told.append(str(run.wait_event("word", timeout_seconds=rest[0])))
            case "gather":
                calls = [run.call(do, f"{name}.{i}", fails) for i, fails in enumerate(rest[0])]
                told += [str(each)[:20] for each in run.gather(*calls, on_error=rest[1])]
            case "child":
                child = run.start_child(run_program, program=rest[0], path=f"{name}/")
                try:
                    told.append(",".join(child.result()))
                except ChildFailed as failed:
                    told.append(failed.state)
            case "status":
                run.set_status(name)
    return told


@dataclass
class Outcome:
    """What the model, or the engine, makes of a program."""

    state: str
    told: list[str] | None
    done: set[str]
    undone: set[str]


def model(program: Program, words: list[str], path: str = "") -> Outcome:
    """Run a program as a plain loop. words: the events there are, in order."""
    told: list[str] = []
    done: set[str] = set()
    mine: set[str] = set()
    undone: set[str] = set()
    for number, (what, *rest) in enumerate(program):
        name = f"{path}{number}"
        fails: list[bool] = []
        match what:
            case "step":
                fails = [rest[0]]
                if not rest[0]:
                    told.append(name)
                    mine.add(name)
            case "caught":
                told.append(f"caught {name}")
            case "wait":
                told.append(words.pop(0) if words else "None")
            case "gather":
                names = [f"{name}.{i}" for i in range(len(rest[0]))]
                # One after the other, as inside a test's transaction: all of one batch begin.
                good = {n for n, bad in zip(names, rest[0], strict=True) if not bad}
                mine |= good
                if rest[1] == "continue":
                    told += [
                        "step 'do' failed after 1 attempt"[:20] if bad else n
                        for n, bad in zip(names, rest[0], strict=True)
                    ]
                else:
                    fails = rest[0]
                    told += names
            case "child":
                child = model(rest[0], [], f"{name}/")
                done |= child.done
                undone |= child.undone
                told.append(",".join(child.told) if child.told is not None else child.state)
        if any(fails):
            state = "compensated" if mine else "failed"
            return Outcome(state, None, done | mine, undone | mine)
    return Outcome("completed", told, done | mine, undone)


atoms = some.one_of(
    some.tuples(some.just("step"), some.sampled_from([False, False, False, True])),
    some.tuples(some.just("caught")),
    some.tuples(some.just("sleep")),
    some.tuples(some.just("wait"), some.just(0)),
    some.tuples(some.just("status")),
    some.tuples(
        some.just("gather"),
        some.lists(some.sampled_from([False, False, True]), max_size=3),
        some.sampled_from(["stop", "continue", "compensate"]),
    ),
)
small = some.lists(atoms, max_size=3)
programs = some.lists(some.one_of(atoms, some.tuples(some.just("child"), small)), max_size=5)


class Killed(KeyboardInterrupt):
    """The worker dies here."""


class Reaper:
    """Kills a drive before or after a statement, now and then."""

    def __init__(self, chance: random.Random, share: float) -> None:
        self._chance, self._share, self.dead = chance, share, False
        self._real = database.query

    def query(self, sql: str, params: Any = ()) -> Any:
        if self.dead:
            raise Killed
        strikes = self._chance.random() < self._share
        if strikes and self._chance.random() < 0.5:
            self._die()
        rows = self._real(sql, params)
        if strikes:
            self._die()
        return rows

    def _die(self) -> None:
        self.dead = True
        raise Killed


def drive_with_deaths(chance: random.Random, share: float, cancelled_after: int, run: UUID) -> None:
    """Drive everything in random order until nothing is left, killing and cancelling meanwhile."""
    for number in range(MOST_DRIVES):
        if number == cancelled_after:
            cancel(run)
        due = list(Run.objects.filter(wake_at__isnull=False).values_list("pk", flat=True))
        if not due:
            return
        chance.shuffle(due)
        for each in due:
            _drive_one(each, chance, share)
        if number % 7 == 0:
            assert replay_open_runs() == []
    raise AssertionError("it never ends")


def _drive_one(run_id: UUID, chance: random.Random, share: float) -> None:
    claimed = claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, only=run_id)
    if claimed is None:
        return
    reaper = Reaper(chance, share)
    real, database.query = database.query, reaper.query
    try:
        drive(claimed)
    except Killed:
        pass
    finally:
        database.query = real
    if Run.objects.filter(pk=run_id, state__in=sorted(HELD_STATES), wake_at=None).exists():
        expire_lease(run_id)
        sweep(connection.connection, max_crashes=1_000)


def outcome(run_id: UUID) -> Outcome:
    view = get_run(run_id)
    return Outcome(view.state.value, view.output, set(world.done), set(world.undone))


def play(program: Program, words: int, seed: int, share: float, cancelled_after: int) -> Outcome:
    """Play a program in a transaction that is rolled back."""
    world.done.clear()
    world.undone.clear()
    with transaction.atomic():
        run = start(run_program, program=program)
        for number in range(words):
            send_event(run.id, "word", f"word {number}")
        drive_with_deaths(random.Random(seed), share, cancelled_after, run.id)
        found = outcome(run.id)
        assert not Run.objects.exclude(
            state__in=["completed", "failed", "cancelled", "compensated"]
        )
        transaction.set_rollback(True)
    return found


BOUNDED = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@BOUNDED
@given(programs, some.integers(0, 2), some.integers(0, 999), some.sampled_from([0.0, 0.1, 0.3]))
def test_whoever_dies_a_program_ends_as_the_model_says(
    program: list[tuple[Any, ...]], words: int, seed: int, share: float
) -> None:
    lines = as_json(program)

    found = play(lines, words, seed, share, cancelled_after=-1)

    assert found == model(lines, [f"word {number}" for number in range(words)])


@BOUNDED
@given(programs, some.integers(0, 999), some.integers(0, 6), some.sampled_from([0.0, 0.2]))
def test_cancelled_at_any_time_a_program_undoes_all_that_it_has_done(
    program: list[tuple[Any, ...]], seed: int, cancelled_after: int, share: float
) -> None:
    lines = as_json(program)
    calm = model(lines, [])

    found = play(lines, 0, seed, share, cancelled_after)

    if found.state == RunState.COMPENSATED:
        own = {name for name in found.done if "/" not in name}
        assert own <= found.undone
    else:
        assert found == calm


def as_json(program: Any) -> Any:
    """Return a program as it comes back from the run's input."""
    if isinstance(program, list | tuple):
        return [as_json(each) for each in program]
    return program
