"""Random programs, driven with random deaths and cancels, end as a simple model says."""

import contextlib
import random
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings, strategies as some

from workflows.api import (
    RunState,
    StepState,
    cancel,
    get_run,
    list_steps,
    replay_open_runs,
    send_event,
    start,
)
from workflows.core.states import FINAL_STATES, HELD_STATES
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.store.database import intercepted
from workflows.store.queue import claim_run
from workflows.store.sweep import sweep
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
UNDONE_OR_NOT = {StepState.COMPLETED, StepState.COMPENSATED}


class Killed(KeyboardInterrupt):
    """The worker dies here."""


class Reaper:
    """Kills a drive before or after a statement, now and then."""

    def __init__(self, chance: random.Random, share: float) -> None:
        self._chance, self._share, self.dead = chance, share, False

    def __call__(self, send: Any, *statement: Any) -> Any:
        if self.dead:
            raise Killed
        strikes = self._chance.random() < self._share
        if strikes and self._chance.random() < 0.5:
            self._die()
        rows = send(*statement)
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
    with contextlib.suppress(Killed), intercepted(Reaper(chance, share)):
        drive(claimed)
    if Run.objects.filter(pk=run_id, state__in=sorted(HELD_STATES), wake_at=None).exists():
        expire_lease(run_id)
        sweep(connection.connection, max_crashes=1_000, longest_pause_seconds=0)


def outcome(run_id: UUID) -> Outcome:
    view = get_run(run_id)
    while view.continued_as is not None:
        view = get_run(view.continued_as)
    found = Outcome(view.state.value, view.output)
    for what, name in effects():
        (found.done if what == "done" else found.undone).add(name)
    return found


def check_that_all_have_ended_and_undone_what_they_must() -> None:
    """What is recorded as completed is undone in a compensated run; rows are there exactly where
    a step is recorded."""
    rows: list[str] = []
    for run in Run.objects.all():
        steps = list_steps(run.pk)
        assert run.state in FINAL_STATES
        if run.state == RunState.COMPENSATED:
            assert StepState.COMPLETED not in {each.state for each in steps}
        for each in steps:
            if each.name == "make_row" and each.state in UNDONE_OR_NOT:
                rows += [f"done {each.output}"]
                rows += [f"undone {each.output}"] * (each.state == StepState.COMPENSATED)
    assert sorted(Group.objects.values_list("name", flat=True)) == sorted(rows)


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
        check_that_all_have_ended_and_undone_what_they_must()
        transaction.set_rollback(True)
    return found


PROFILE = settings.get_current_profile_name()
SOAKING = PROFILE == "soak"
BOUNDED = settings(
    max_examples=settings.get_profile(PROFILE).max_examples if SOAKING else 40,
    derandomize=not SOAKING,
    suppress_health_check=list(HealthCheck),
)
"""The same programs each time, unless `--hypothesis-profile=soak -o faulthandler_timeout=0` asks for many
others."""


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
def test_cancelled_at_any_time_a_program_ends_and_undoes_what_it_has_done(
    program: list[tuple[Any, ...]], seed: int, cancelled_after: int, share: float
) -> None:
    lines = as_json(program)
    calm = model(lines, [])

    found = play(lines, 0, seed, share, cancelled_after)

    if found.state != RunState.COMPENSATED:
        assert found == calm


def as_json(program: Any) -> Any:
    """Return a program as it comes back from the run's input."""
    if isinstance(program, list | tuple):
        return [as_json(each) for each in program]
    return program
