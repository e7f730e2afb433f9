"""What the first run saw is what every replay sees."""

import uuid
from typing import Any

import pytest

from workflows.api import Context, RunState, get_history, get_run, send_event, step, workflow
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db

_passes: list[list[Any]] = []
"""What the workflow code below saw, pass by pass."""


@step
def unsorted() -> dict[str, Any]:
    return {"z": 1e22, "a": {"y": -0.0, "b": [1.0, 10**20]}, "é": "ü"}


@workflow("tests.seeing")
def seeing(run: Context) -> list[str]:
    seen: list[Any] = []
    _passes.append(seen)
    seen += [run.now(), run.uuid(), run.random(), len(run.idempotency_key)]
    seen.append(run.step(unsorted))
    seen += [run.now(), run.uuid(), run.random(), len(run.idempotency_key)]
    run.set_status("Halfway")
    seen.append(run.now())
    seen.append(run.wait_event("go"))
    seen += [run.now(), run.uuid(), run.random()]
    run.wait_event("again")
    return [repr(each) for each in seen]


def test_every_replay_sees_to_the_letter_what_the_first_pass_saw() -> None:
    _passes.clear()
    run = driven(seeing)
    send_event(run.id, "go", {"z": 1e22, "a": -0.0})
    drive_until_idle()
    send_event(run.id, "again")
    drive_until_idle()

    first, second, third = (list(map(repr, seen)) for seen in _passes)

    assert second[: len(first)] == first
    assert third == second
    assert get_run(run.id).output == third


def test_ids_and_numbers_differ_within_a_run_and_between_runs() -> None:
    _passes.clear()

    driven(seeing)
    driven(seeing)

    drawn = [each for seen in _passes for each in seen if isinstance(each, uuid.UUID | float)]
    assert len(set(drawn)) == len(drawn) == 8
    assert all(0 <= each < 1 for each in drawn if isinstance(each, float))


def test_the_clock_stands_at_the_last_thing_recorded() -> None:
    _passes.clear()

    run = driven(seeing)

    completed, status, _ = get_history(run.id)
    [seen] = _passes
    assert seen[0] == run.created_at
    assert seen[5] == completed.at
    assert seen[9] == status.at


@workflow("tests.many_steps")
def many_steps(run: Context) -> int:
    for number in range(20):
        run.step(greet, str(number))
        if number % 5 == 4:
            run.wait_event("go")
    return run.step(count_notes)


@step
def count_notes() -> int:
    return len(notes.done)


def test_a_step_that_was_done_is_not_done_again_however_often_the_run_is_replayed() -> None:
    run = driven(many_steps)

    for _ in range(4):
        send_event(run.id, "go")
        drive_until_idle()

    assert get_run(run.id).state == RunState.COMPLETED
    assert notes.done == [f"greet {number}" for number in range(20)]


@step
def send_to_own_run(run_id: uuid.UUID) -> None:
    send_event(run_id, "go")


@workflow("tests.looking_again")
def looking_again(run: Context) -> None:
    _passes.append([run.now(), run.uuid()])
    run.step(send_to_own_run, run.run_id)
    run.wait_event("go")


def test_an_event_that_comes_as_the_run_would_park_costs_no_replay() -> None:
    _passes.clear()

    run = driven(looking_again)

    assert (run.state, run.attempt) == (RunState.COMPLETED, 1)
    assert len(_passes) == 1
