"""What may be carried along, and how much of it."""

from typing import Any

import pytest

from workflows.core.baggage import MOST_BYTES, baggage_of
from workflows.core.errors import InvalidInput


def test_texts_and_numbers_are_carried() -> None:
    assert (
        baggage_of({"request": "a7", "n": 1, "on": True}) == '{"request": "a7", "n": 1, "on": true}'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        {1: "a"},
        {"": "a"},
        {"a": [1]},
        {"a": object()},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "nul \x00"},
        {"a": "x" * MOST_BYTES},
        {"a": "é" * MOST_BYTES},
    ],
)
def test_anything_else_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="baggage"):
        baggage_of(wrong)


def test_as_much_as_may_be_is_carried() -> None:
    assert len(baggage_of({"a": "x" * (MOST_BYTES - 9)})) == MOST_BYTES
