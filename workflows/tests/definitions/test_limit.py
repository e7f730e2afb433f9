"""Limits are declared beside the code, and a name stands for one of them."""

from typing import Any

import pytest

from workflows.api import Context, Limit, Rate, step, workflow
from workflows.core.errors import DefinitionError
from workflows.definitions.limit import declared_limits, find_limit
from workflows.definitions.step import step_definition


@step(concurrency=Limit(1, name="one pen"), rate=Rate(2))
def write(text: str) -> None: ...


@workflow("declared.book", concurrency=Limit(2, name="two books"))
def book(run: Context) -> None: ...


@workflow("declared.unnamed", concurrency=Limit(2))
def unnamed(run: Context) -> None: ...


def test_a_limit_without_a_name_is_called_after_what_it_limits() -> None:
    own = f"{__name__}.write"

    assert [each.name for each in step_definition(write).limits] == ["one pen", f"{own} rate"]
    assert find_limit("declared.unnamed") is not None
    assert {"one pen", "two books"} <= {each.name for each in declared_limits()}


def test_several_slots_are_taken_in_the_order_of_their_names() -> None:
    slots = (Limit(1, name="zebra"), Limit(1, name="ape"))

    @step(concurrency=slots, rate=Rate(1, name="a rate"))
    def feed(food: str) -> None: ...

    assert [each.name for each in step_definition(feed).limits] == ["ape", "zebra", "a rate"]


def test_two_limits_of_a_step_have_two_names() -> None:
    with pytest.raises(DefinitionError, match="two limits have the same name"):
        step(concurrency=(Limit(1), Limit(2)))(lambda: None)


def test_a_limit_by_what_is_no_parameter_is_refused() -> None:
    with pytest.raises(DefinitionError, match="by='shop' is none of its parameters"):

        @step(concurrency=Limit(1, by="shop"))
        def wrong(number: int) -> None: ...


def test_a_function_that_cannot_take_all_arguments_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"by name \(number, shop\): missing a required"):

        @step(concurrency=Limit(1, by=lambda shop, number, tenant: f"{tenant} {shop} {number}"))
        def wrong(number: int, shop: str = "Ghent") -> None: ...


def test_a_limit_is_of_runs_or_of_steps() -> None:
    with pytest.raises(DefinitionError, match="a run would wait for itself"):

        @step(concurrency=Limit(2, name="two books"))
        def other(number: int) -> None: ...


@pytest.mark.parametrize("given", [{"concurrency": 5}, {"rate": Limit(1)}])
def test_what_is_no_limit_is_refused_where_it_stands(given: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"write (Limit|Rate)\(…\)"):
        step(**given)(lambda: None)


def test_a_name_stands_for_one_limit() -> None:
    with pytest.raises(DefinitionError, match="'one pen' is 1 at once elsewhere"):

        @step(concurrency=Limit(2, name="one pen"))
        def other(number: int) -> None: ...
