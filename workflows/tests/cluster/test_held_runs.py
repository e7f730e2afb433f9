"""What workers hold, in memory that outlives them: read back whole, or not at all."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from workflows.cluster import held_runs, shared
from workflows.cluster.held_runs import MORE_STEPS, NAME_BYTES, StepsInMemory
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HEARTBEAT, TIMEOUT, HeldRun, StepSeen
from workflows.core.states import RunState
from workflows.engine.attempts.time_limit import Limit
from workflows.tests.cluster.slots import an_attempt, as_a_worker

pytestmark = pytest.mark.usefixtures("worker")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = 0
"""The place of the first run, in a worker that drives one at a time."""
STEPS = 1 + MORE_STEPS


@pytest.fixture
def worker() -> Iterator[None]:
    with as_a_worker():
        yield


def held() -> ClaimedRun:
    """Return a run that this worker holds."""
    run = a_run()
    held_runs.hold(run)
    return run


def a_run() -> ClaimedRun:
    """Return a run that was claimed."""
    return ClaimedRun(
        id=uuid4(),
        workflow="tests.greet",
        version=1,
        state=RunState.RUNNING,
        attempt=3,
        input="{}",
        events=0,
        created_at=NOON,
        now=NOON,
    )


def runs() -> list[HeldRun]:
    """Return what is read of this worker."""
    return [run for row in held_runs.rows() for run in row.runs]


def steps() -> list[StepSeen]:
    return [step for run in runs() for step in run.steps]


def test_a_run_is_held_until_it_is_let_go() -> None:
    run = held()
    before = runs()

    held_runs.let_go(FIRST)

    assert before == [HeldRun(run.id, 3)]
    assert runs() == []


def test_each_of_several_runs_is_held_until_it_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_runs, "_table", held_runs._Table(3))
    places = [held_runs.hold(a_run()) for _ in range(4)]
    all_of_them = runs()

    held_runs.let_go(places[1])
    without_one = runs()
    again = held_runs.hold(a_run())

    assert places[3] is None, "there is no room for it"
    assert (len(all_of_them), len(without_one), len(runs())) == (3, 2, 3)
    assert again == places[1]
    for place in (*places, again):
        held_runs.let_go(place)


def test_a_step_is_seen_while_it_runs() -> None:
    run, witness = held(), StepsInMemory()
    attempt = an_attempt(run_id=run.id, attempt=3)

    witness.begun(attempt)
    [step] = steps()
    witness.ended(attempt)

    assert (step.name, step.position, step.attempt, step.undo) == ("pack", 1, 2, False)
    assert (step.pid, step.overran) == (os.getpid(), None)
    assert 0 <= step.age_seconds < 5
    assert steps() == []


def test_the_run_of_an_action_that_a_step_executes_is_held_too() -> None:
    run, action, witness = held(), uuid4(), StepsInMemory()
    outer, inner = an_attempt(run_id=run.id, attempt=3), an_attempt("send", run_id=action)

    witness.begun(outer)
    witness.begun(inner)

    assert [(each.run_id, each.attempt, len(each.steps)) for each in runs()] == [
        (run.id, 3, 1),
        (action, 1, 1),
    ]
    witness.ended(inner)
    witness.ended(outer)


def test_more_steps_at_once_than_there_is_room_for_are_no_error() -> None:
    held()
    witness, attempts = StepsInMemory(), [an_attempt() for _ in range(STEPS + 3)]

    for attempt in attempts:
        witness.begun(attempt)
    noted = len(steps())
    for attempt in attempts:
        witness.ended(attempt)

    assert (noted, steps()) == (STEPS, [])


@pytest.mark.parametrize(
    ("seconds", "overran"),
    [
        ((-2.0, None), TIMEOUT),
        ((0.0, None), None),
        ((60.0, -2.0), HEARTBEAT),
        ((-2.0, -3.0), TIMEOUT),
        ((60.0, 60.0), None),
    ],
)
def test_a_step_well_beyond_a_limit_is_seen_to_be(
    seconds: tuple[float, float | None], overran: str | None
) -> None:
    held()
    attempt, witness = an_attempt(limit=Limit(*seconds)), StepsInMemory()

    witness.begun(attempt)

    assert [step.overran for step in steps()] == [overran]
    witness.ended(attempt)


def test_a_heartbeat_moves_the_limit() -> None:
    held()
    attempt, witness = an_attempt(limit=Limit(None, -2.0)), StepsInMemory()
    witness.begun(attempt)

    attempt.limit.heartbeat_seconds = 60.0
    attempt.limit.beat()
    witness.goes_on(attempt)

    assert [step.overran for step in steps()] == [None]
    witness.ended(attempt)


def test_a_long_name_is_cut_between_two_letters() -> None:
    held()
    attempt, witness = an_attempt("pä" * 100), StepsInMemory()

    witness.begun(attempt)

    assert [step.name for step in steps()] == ["pä" * (NAME_BYTES // 3)]
    witness.ended(attempt)


def test_a_name_that_the_database_would_refuse_is_made_fit_for_it() -> None:
    held()
    attempt, witness = an_attempt("pa\0ck \ud800"), StepsInMemory()

    witness.begun(attempt)

    assert [step.name for step in steps()] == ["pack ?"]
    witness.ended(attempt)


@pytest.mark.parametrize("where", range(0, held_runs._SIZE, 7))
def test_a_place_that_is_half_written_is_not_read(where: int) -> None:
    held()
    attempt, witness = an_attempt(), StepsInMemory()
    witness.begun(attempt)
    assert attempt.place is not None
    at = held_runs._at(attempt.place) + where

    held_runs._table.memory[at] ^= 1

    assert steps() == []
    witness.ended(attempt)


def test_what_a_worker_held_outlives_it_and_its_cluster() -> None:
    program = """
        import os, signal
        from workflows.cluster import held_runs, process_state, shared
        from workflows.tests.cluster.slots import an_attempt

        shared.install()

        def worker():
            held_runs.begin()
            shared.set_holding(True)
            held_runs.StepsInMemory().begun(an_attempt("die"))
            os.kill(os.getpid(), signal.SIGKILL)

        def sentinel():
            if os.fork() == 0:
                worker()
            os.wait()
            os._exit(0)

        for number in (1, 2):
            if os.fork() == 0:
                sentinel()
            os.wait()
            shared.reset()
            rows = held_runs.rows()
            assert len(rows) == number, rows
            assert [run.steps[0].name for row in rows for run in row.runs] == ["die"] * number
            assert not any(process_state.lives(row.holder.pid) for row in rows)
        held_runs.forget(rows[0].holder)
        assert len(held_runs.rows()) == 1
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_a_process_that_a_step_has_forked_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = held()
    attempt, witness = an_attempt(run_id=run.id, attempt=3), StepsInMemory()
    witness.begun(attempt)

    with monkeypatch.context() as forked:
        forked.setattr(shared, "_generation", shared.CHILD + 1)
        witness.ended(attempt)
        witness.begun(an_attempt("other"))
        held_runs.let_go(FIRST)

    assert [step.name for step in steps()] == ["pack"]
    witness.ended(attempt)


def test_what_the_slot_held_before_is_not_the_next_worker_s() -> None:
    held()
    attempt = an_attempt()
    StepsInMemory().begun(attempt)

    held_runs.begin()

    assert runs() == []
    StepsInMemory().ended(attempt)
