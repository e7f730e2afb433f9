"""What steps and callbacks do with variables of the workflow around them is the same at a replay."""

import decimal
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from workflows.api import Context, RunState, step, workflow
from workflows.testing import assert_deterministic
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db


@step
def call(function: Callable[[int], Any]) -> None:
    function(1)


@step
def total(numbers: Any) -> int:
    return sum(numbers)


@step
def set_precision() -> None:
    decimal.getcontext().prec = 3


@workflow("tests.inner.step")
def with_a_step_inside(run: Context) -> list[int]:
    done: list[int] = []
    count = 0

    @step
    def work(number: int) -> int:
        nonlocal count
        done.append(number)
        count += 1
        return number + count

    return [run.step(work, 1), *run.gather(run.call(work, 2), run.call(work, 3)), len(done), count]


def helper(run: Context) -> int:
    done: list[int] = []

    @step
    def work() -> None:
        done.append(1)

    run.step(work)
    return len(done)


@workflow("tests.inner.helper")
def with_a_step_in_a_helper(run: Context) -> int:
    return helper(run)


@workflow("tests.inner.callback")
def with_callbacks(run: Context) -> int:
    done: list[int] = []
    run.step(call, done.append)
    run.step(call, lambda number: done.append(number))
    run.step(call, function=done.append)
    return len(done)


@workflow("tests.inner.generator")
def with_a_generator(run: Context) -> list[int]:
    numbers = (number for number in (1, 2, 3))
    return [run.step(total, numbers), sum(numbers)]


@workflow("tests.inner.gathered_generator")
def with_a_gathered_generator(run: Context) -> list[int]:
    numbers = (number for number in (1, 2, 3))
    return [*run.gather(run.call(total, numbers)), sum(numbers)]


@workflow("tests.inner.two_generators")
def with_a_generator_for_two(run: Context) -> list[int]:
    numbers = (number for number in (1, 2, 3))
    return [run.step(total, numbers), run.step(total, numbers)]


@workflow("tests.inner.precision")
def with_a_precision(run: Context) -> str:
    run.step(set_precision)
    return str(Decimal(1) / 3)


@pytest.mark.parametrize(
    ("flow", "output"),
    [
        (with_a_step_inside, [2, 3, 4, 0, 0]),
        (with_a_step_in_a_helper, 0),
        (with_callbacks, 0),
        (with_a_generator, [6, 0]),
        (with_a_gathered_generator, [6, 0]),
        (with_a_precision, "0.3333333333333333333333333333"),
    ],
)
def test_it_is_the_same_live_and_at_a_replay(flow: Any, output: Any) -> None:
    assert driven(flow).output == output
    assert_deterministic.using(another_hash_seed=False)(flow)


def test_a_generator_is_for_one_step() -> None:
    run = driven(with_a_generator_for_two)

    assert run.state == RunState.BLOCKED
    assert "make a list of it" in (run.error or {})["message"]


def test_what_stands_around_the_workflow_is_left_alone() -> None:
    seen: list[int] = []

    @step
    def look(number: int) -> None:
        seen.append(number)

    @workflow("tests.inner.outside")
    def looking(run: Context) -> None:
        run.step(look, 7)
        run.step(call, lambda number: seen.append(number))

    driven(looking)

    assert seen == [7, 1]
