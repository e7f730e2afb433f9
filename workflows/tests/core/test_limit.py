"""Limits say how many at once, or how often, in numbers that make sense."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.limit import Limit, Rate, key_text


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "5"])
def test_a_limit_is_a_whole_number(most: Any) -> None:
    with pytest.raises(DefinitionError, match="give a whole number from 1"):
        Limit(most)


@pytest.mark.parametrize("share", [0, -0.5, 1.5, True, "0.5", float("nan")])
def test_a_share_is_a_part_of_one(share: Any) -> None:
    with pytest.raises(DefinitionError, match="give a number above 0, up to 1"):
        Limit(share=share)


def test_a_limit_is_a_number_or_a_share() -> None:
    with pytest.raises(DefinitionError, match="and no other number"):
        Limit(5, share=0.5)
    with pytest.raises(DefinitionError, match="give a whole number from 1"):
        Limit()


@pytest.mark.parametrize(
    "given", [(0, 1), (1.5, 1), (1, 0), (1, "s"), (1, float("nan")), (1, 1e12)]
)
def test_a_rate_is_a_number_of_times_in_a_number_of_seconds(given: tuple[Any, Any]) -> None:
    with pytest.raises(
        DefinitionError, match=r"a rate of .*whole number|a rate per .*above 0, up to a century"
    ):
        Rate(*given)


@pytest.mark.parametrize("given", [{"by": ""}, {"by": 7}, {"name": ""}])
def test_a_limit_goes_by_a_name_or_a_function(given: dict[str, Any]) -> None:
    words = "give a parameter's name, a function" if "by" in given else "give up to 500 characters"
    with pytest.raises(DefinitionError, match=f"{words}, or nothing"):
        Limit(1, **given)


def test_limits_are_told_in_words() -> None:
    assert (Limit(5).words, Rate(10).words) == ("5 at once", "10 per 1 s")
    assert Limit(share=0.5).words == "50% of all slots"


def test_a_key_is_a_text_whatever_the_value_is() -> None:
    assert [key_text(each) for each in ("ann", 7, None)] == ["ann", "7", "null"]
