"""Random programs, driven with random deaths and cancels, end as a simple model says."""

import random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from workflows.api import RunState, cancel, get_run, replay_open_runs, send_event, start
from workflows.core.states import HELD_STATES
from workflows.engine.drive import drive
from workflows.models import Run
from workflows.store import database
from workflows.store.runs import claim_run
from workflows.store.workers import sweep
from workflows.tests.builders import LEASE_SECONDS, expire_lease
from workflows.tests.engine.programs import (
    Outcome,
    Program,
    effects,
    model,
    programs,
    run_program,
    world,
)

pytestmark = pytest.mark.django_db
MOST_DRIVES = 400


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
    while view.continued_as is not None:
        view = get_run(view.continued_as)
    path = view.input.get("path", "")
    found = Outcome(view.state.value, view.output, path=path)
    for what, name in effects():
        (found.done if what == "done" else found.undone).add(name)
    return found


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


PROFILE = settings.get_current_profile_name()
SOAKING = PROFILE == "soak"
BOUNDED = settings(
    max_examples=settings.get_profile(PROFILE).max_examples if SOAKING else 40,
    derandomize=not SOAKING,
    suppress_health_check=list(HealthCheck),
)
"""The same programs each time, unless `--hypothesis-profile=soak` asks for many others."""


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
        path = found.path
        names = {name for name in found.done if name.startswith(path)}
        assert {name for name in names if "/" not in name.removeprefix(path)} <= found.undone
    else:
        assert found == calm


def as_json(program: Any) -> Any:
    """Return a program as it comes back from the run's input."""
    if isinstance(program, list | tuple):
        return [as_json(each) for each in program]
    return program
