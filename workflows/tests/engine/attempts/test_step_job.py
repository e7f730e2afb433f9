"""What a step may know of its attempt: its number, and a key that stays the same."""

from typing import Any

import pytest

from workflows.api import (
    Context,
    Permanent,
    StepInfo,
    current_step,
    step,
    workflow,
)
from workflows.tests.builders import driven
from workflows.tests.flows import NOW, ONCE, greet

pytestmark = pytest.mark.django_db

_infos: list[StepInfo | None] = []


@step(retry=NOW)
def look_at_oneself(key: str) -> str:
    _infos.append(current_step())
    if len(_infos) < 3:
        raise ValueError("again")
    return key


@workflow("tests.look_at_oneself")
def looking(run: Context) -> list[Any]:
    run.step(greet, "Alice")
    return [run.run_id, run.step(look_at_oneself, key=run.idempotency_key)]


def test_every_attempt_has_the_same_key_inside_and_outside_the_step() -> None:
    _infos.clear()

    run = driven(looking)

    run_id, outside = run.output
    assert [info.attempt for info in _infos if info] == [1, 2, 3]
    assert {info.idempotency_key for info in _infos if info} == {outside} == {f"{run.id}:2"}
    assert {(info.run_id, info.name, info.position) for info in _infos if info} == {
        (run.id, "look_at_oneself", 2)
    }
    assert run_id == str(run.id)
    assert current_step() is None


@step(compensate=lambda output, key: _infos.append(current_step()))
def book(key: str) -> str:
    _infos.append(current_step())
    return key


@step(retry=ONCE)
def refuse() -> None:
    raise Permanent("no")


@workflow("tests.looks_at_its_undoing", on_failure="compensate")
def looking_back(run: Context) -> None:
    run.step(book, run.idempotency_key)
    run.step(refuse)


def test_the_undoing_of_a_step_has_a_key_of_its_own() -> None:
    _infos.clear()

    run = driven(looking_back)

    there, back = [info for info in _infos if info]
    assert (there.idempotency_key, back.idempotency_key) == (f"{run.id}:1", f"{run.id}:1:undo")
    assert (there.position, back.position, back.attempt) == (1, 1, 1)
