"""Defaults of parameters."""

from collections import defaultdict
from typing import Any

import pytest

from workflows.core.defaults import is_default, may_be_filled, same


class Bag:
    def __init__(self) -> None:
        self.count = 0


class Missing:
    """Of which there is one, to be looked for."""


@pytest.mark.parametrize("default", [[], {}, set(), bytearray(), defaultdict(list), Bag()])
def test_code_may_keep_something_in_it(default: Any) -> None:
    assert may_be_filled(default)


@pytest.mark.parametrize("default", [None, 1, "a", (1,), Missing(), object(), Missing, print, any])
def test_nobody_keeps_anything_in_it(default: Any) -> None:
    assert not may_be_filled(default)


def test_a_default_is_known_by_value_and_type() -> None:
    assert is_default([1], [1])
    assert not is_default(1, True)
    assert same(60.0, 60)
    assert not same(1, True)
