"""Payloads are read as an annotation says; each field that does not fit is named."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field

from workflows.core.errors import DefinitionError, ValueNotStorable
from workflows.core.payload_type import payload_type


@dataclass
class Address:
    city: str
    number: int = 1


class Order(BaseModel):
    to: Address
    items: list[str]


@pytest.mark.parametrize(
    ("annotation", "plain", "value"),
    [
        (Address, {"city": "Ghent"}, Address("Ghent")),
        (Order, {"to": {"city": "x"}, "items": []}, Order(to=Address("x"), items=[])),
        (list[date], ["2026-01-31"], [date(2026, 1, 31)]),
        (int | None, None, None),
        (Any, {"a": 1}, {"a": 1}),
        (Annotated[int, Field(gt=0)], 1, 1),
    ],
)
def test_a_payload_is_read_as_its_annotation_says(annotation: Any, plain: Any, value: Any) -> None:
    assert payload_type(annotation).read(plain) == value


@pytest.mark.parametrize(
    ("annotation", "plain", "why"),
    [
        (Address, {"number": "x"}, "city: Field required; number: Input should be a valid integer"),
        (Order, {"to": {}, "items": [1]}, "to.city: Field required; items.0: Input should be a"),
        (int, "many", "payload: Input should be a valid integer"),
    ],
)
def test_each_field_that_does_not_fit_is_named(annotation: Any, plain: Any, why: str) -> None:
    with pytest.raises(ValueNotStorable) as refused:
        payload_type(annotation).read(plain)

    assert str(refused.value).startswith(why)


def test_what_a_class_refuses_in_a_way_of_its_own_does_not_fit_either() -> None:
    @dataclass
    class Picky:
        name: str

        def __post_init__(self) -> None:
            raise RuntimeError("not today")

    with pytest.raises(ValueNotStorable, match="payload: not today"):
        payload_type(Picky).read({"name": "x"})


class Unreadable:
    def __repr__(self) -> str:
        raise RuntimeError("not today")


QUOTED: list[Any] = [list["Address"], Optional["Address"], Annotated["Address", 1]]


@pytest.mark.parametrize(
    "annotation", [7, "Address", Address("Ghent"), Unreadable(), payload_type, *QUOTED]
)
def test_what_is_no_type_is_refused(annotation: Any) -> None:
    with pytest.raises(DefinitionError, match="cannot be the type of an event"):
        payload_type(annotation)


def test_a_text_that_is_a_value_is_no_type_in_quotes() -> None:
    assert payload_type(Literal["Address"]).read("Address") == "Address"
    assert payload_type(Annotated[int, "Address"]).read(1) == 1


class Parcel(BaseModel):
    to: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


def test_a_class_that_names_what_is_not_there_says_so_in_one_line() -> None:
    with pytest.raises(ValueNotStorable) as refused:
        payload_type(Parcel).read({"to": 1})

    assert "Parcel'> names a type that is not there; define it" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_reader_is_made_once() -> None:
    assert payload_type(Address) is payload_type(Address)
    unhashable = Annotated[int, ["a list"]]
    assert payload_type(unhashable).read(1) == 1
