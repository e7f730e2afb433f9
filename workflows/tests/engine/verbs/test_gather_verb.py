"""What gather returns is a list that type checkers know as a tuple."""

import pytest

from workflows.api import (
    Context,
    workflow,
)
from workflows.tests.builders import driven
from workflows.tests.engine.forms import double, name_of

pytestmark = pytest.mark.django_db


@workflow("gathered.pair")
def pair(run: Context) -> tuple[int, str]:
    return run.gather(run.call(double, 1), run.call(name_of, 2))


@workflow("gathered.giving_a_pair")
def giving_a_pair(run: Context) -> int:
    two = run.gather(run.call(double, 1), run.call(name_of, 2))
    return run.start_child(taking_a_pair, two).result()


@workflow("gathered.taking_a_pair")
def taking_a_pair(run: Context, two: tuple[int, str]) -> int:
    return two[0]


def test_what_gather_returns_may_be_kept_as_the_tuple_it_is_for_type_checkers() -> None:
    assert driven(pair).output == [2, "number 2"]
    assert driven(giving_a_pair).output == 2
