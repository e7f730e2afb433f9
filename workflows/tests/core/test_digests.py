"""The same digest for the same value, in every process; and what is said of a difference."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from workflows.core.digests import difference, digest


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Order:
    items: list[str]


class Payment(BaseModel):
    amount: Decimal


class Row:
    _meta = "what a model has"

    def __init__(self, pk: int, seen: int = 0) -> None:
        self.pk, self.seen = pk, seen


SAME: list[tuple[Any, Any]] = [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a", "b", "c"}, {"c", "b", "a"}),
    ((1, 2), [1, 2]),
    (Row(1), Row(1, seen=5)),
    (threading.Lock(), threading.Lock()),
    (Order(["a"]), Order(["a"])),
    ({1: "a", "1": "b"}, {"1": "b", 1: "a"}),
]
OTHERS: list[tuple[Any, Any]] = [
    (10, 99),
    ("1", 1),
    (None, "null"),
    ({"a"}, {"b"}),
    (["a"], {"a"}),
    (Row(1), Row(2)),
    (Order(["a"]), Order(["b"])),
    (Payment(amount=Decimal(1)), Payment(amount=Decimal(2))),
    (Colour.RED, Colour.BLUE),
    (b"a", b"b"),
    (date(2026, 1, 1), date(2026, 1, 2)),
    (datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1)),
    (UUID(int=1), UUID(int=2)),
    ({1: "a", "1": "b"}, {1: "b", "1": "a"}),
    (threading.Lock(), object()),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_value_has_the_same_digest(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_another_value_has_another_digest(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


def test_what_holds_itself_counts_by_its_type() -> None:
    around: list[Any] = []
    around.append(around)

    assert digest(around) == digest([around])


def test_it_is_the_same_under_another_hash_seed() -> None:
    code = "from workflows.core.digests import digest; print(digest([{'a', 'b', ('c', 1)}, {'x': {2}}]))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(told) == 1


@pytest.mark.parametrize(
    ("recorded", "now", "told"),
    [
        (
            {"a": "1"},
            {"a": "2"},
            "step 'pay' with a=99 in the code but step 'pay' with another a in",
        ),
        ({}, {"a": "2"}, "step 'pay' with a=99 in the code but step 'pay' without a in"),
        ({"a": "1"}, {}, "step 'pay' without a in the code but step 'pay' with a in"),
    ],
)
def test_a_difference_names_step_argument_and_what_the_code_gives(
    recorded: dict[str, str], now: dict[str, str], told: str
) -> None:
    assert told in str(difference(4, "step 'pay'", recorded, now, {"a": 99}))


def test_equal_digests_are_no_difference() -> None:
    assert difference(4, "pay", {"a": "1"}, {"a": "1"}, {"a": 99}) is None


def test_another_class_with_the_same_fields_is_another_value() -> None:
    @dataclass
    class Refund:
        items: list[str]

    assert digest(Refund(items=["a"])) != digest(Order(items=["a"]))
