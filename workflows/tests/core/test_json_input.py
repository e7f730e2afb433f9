"""JSON becomes the arguments that annotations ask for; what does not fit is named."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import AnyUrl

from workflows.core.errors import InvalidInput
from workflows.core.json_input import read_input
from workflows.core.signature import Signature


@dataclass
class Item:
    name: str
    price: Decimal


def order(
    due: date, link: AnyUrl, items: list[Item], rows: list[list[int]], note: str = ""
) -> None: ...


SIGNATURE = Signature(order)  # type: ignore[arg-type]
TEXT = (
    '{"due": "2026-01-31", "link": "https://example.org/", "rows": [[1], ["2"]],'
    ' "items": [{"name": "tea", "price": "9.90"}]}'
)


def read(given: Any) -> dict[str, Any]:
    return read_input(SIGNATURE, given, whose="order")


def test_texts_become_what_the_annotations_say_at_any_depth() -> None:
    assert read(TEXT) == {
        "due": date(2026, 1, 31),
        "link": AnyUrl("https://example.org/"),
        "rows": [[1], [2]],
        "items": [Item("tea", Decimal("9.90"))],
    }
    assert read(TEXT.encode()) == read(TEXT)


def test_every_element_that_does_not_fit_is_named() -> None:
    wrong = {"due": "soon", "items": [{"name": "tea", "price": "much"}], "rows": [[1], [2, "x"]]}

    with pytest.raises(InvalidInput) as refused:
        read(wrong)

    told = str(refused.value)
    for place in ["due: Input", "items.0.price: Input", "rows.1.1: Input"]:
        assert place in told, told


@pytest.mark.parametrize(
    ("given", "why"),
    [("{", "is no JSON"), (b"\xff", "is no JSON"), ("[]", "give an object"), ({1: 2}, "an object")],
)
def test_what_is_no_object_is_refused(given: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read(given)
