"""A generator that a step has received is at its end, live and at a replay."""

from collections.abc import Iterator

import pytest

from workflows.core.errors import DefinitionError
from workflows.engine.session.given_generators import GivenGenerators


def numbers() -> Iterator[int]:
    yield from (1, 2, 3)


def test_nothing_is_left_of_it() -> None:
    given, generator = GivenGenerators(), numbers()
    next(generator)

    given.give([generator, 5], "step 'add'", 1)
    given.close()

    assert list(generator) == []


def test_a_second_step_may_not_have_it() -> None:
    given, generator = GivenGenerators(), numbers()
    given.give([generator], "step 'add'", 1)

    with pytest.raises(DefinitionError, match=r"'print' is given .* 'add' \(position 1\).* a list"):
        given.give([generator], "step 'print'", 2)
