"""What is not the same once it is stored, and where it stands."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pydantic
import pytest

from workflows.core.codec import Codec
from workflows.core.errors import ValueNotStorable
from workflows.core.kept import refuse_change, refuse_loss


@dataclass
class Base:
    a: int


@dataclass
class Special(Base):
    b: Any = 3


@dataclass
class Other:
    """The same fields as Base."""

    a: int


class Model(pydantic.BaseModel):
    a: int


class SpecialModel(Model):
    b: int = 2


MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
LOST: list[tuple[Any, Any, str]] = [
    (Any, {1: "a", "1": "b"}, "two of its keys"),
    (dict[str, Any], {"d": [0, {1: "a", "1": "b"}]}, r"\['d'\]\[1\]: two of its keys"),
    (Base, Special(1), r"Special\) comes back as Base \(without b\); name the class"),
    (list[Base], [Base(1), Special(1)], r"\[1\]: .*without b"),
    (Base | None, Special(1), "without b"),
    (Model, SpecialModel(a=1), "without b"),
    (date | datetime, MIDNIGHT, "datetime.* comes back as date"),
    (datetime | date, date(2026, 1, 1), "date.* comes back as datetime"),
]
CHANGED: list[tuple[Any, Any, str]] = [
    (dict[str, Any], {"a": [Decimal("1.50")]}, r"\['a'\]\[0\]: .*Decimal\) comes back as str; say"),
    (Any, MIDNIGHT, "datetime"),
    (Any, uuid.UUID(int=1), "UUID"),
    (Any, {1: "a"}, "the key 1 comes back as a text"),
    (Any, {1, 2}, "set"),
    (Special, Special(1, Decimal("1.5")), r"\.b: .*Decimal"),
]
KEPT: list[tuple[Any, Any]] = [
    (Any, {"a": [1, 2.0, None, True, "x"]}),
    (Any, Base(1)),
    (Any, (1, 2)),
    (Special, Special(1)),
    (float, 1),
    (date | datetime, date(2026, 1, 1)),
    (date | datetime, MIDNIGHT.replace(hour=1)),
    (dict[int, str], {1: "a", 2: "b"}),
    (dict[str, Decimal], {"a": Decimal("1.50")}),
    (Base | Other, Base(1)),
]


def back(annotation: Any, value: Any) -> Any:
    codec = Codec(annotation)
    return codec.decode(codec.encode(value, max_bytes=10_000))


@pytest.mark.parametrize(("annotation", "value", "told"), LOST)
def test_what_is_lost_is_refused_for_results_and_inputs(
    annotation: Any, value: Any, told: str
) -> None:
    for refuse in (refuse_loss, refuse_change):
        with pytest.raises(ValueNotStorable, match=told):
            refuse(value, back(annotation, value))


@pytest.mark.parametrize(("annotation", "value", "told"), CHANGED)
def test_what_is_only_changed_is_refused_for_inputs_alone(
    annotation: Any, value: Any, told: str
) -> None:
    refuse_loss(value, back(annotation, value))
    with pytest.raises(ValueNotStorable, match=f"^order.*{told}"):
        refuse_change(value, back(annotation, value), "order")


@pytest.mark.parametrize(("annotation", "value"), KEPT)
def test_what_is_kept_is_taken(annotation: Any, value: Any) -> None:
    refuse_change(value, back(annotation, value))


def test_a_class_that_cannot_be_compared_is_looked_at_part_by_part() -> None:
    class Odd(dict[Any, Any]):
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None

    refuse_change(Odd(a=1), {"a": 1})
    with pytest.raises(ValueNotStorable, match="'a'"):
        refuse_change(Odd(a=Decimal(1)), {"a": "1"})
