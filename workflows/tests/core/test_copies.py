"""Copies at any depth; what cannot be copied is handed on."""

import threading
from dataclasses import dataclass
from typing import Any

from workflows.core.copies import copied, copied_plain


@dataclass
class Order:
    items: list[str]


def test_nothing_of_a_copy_is_the_original_where_it_could_be_changed() -> None:
    given: dict[str, Any] = {"orders": [Order(items=["chair"])], "tags": {"a"}, "pair": ([1], "b")}

    copy = copied(given)
    copy["orders"][0].items.append("desk")
    copy["tags"].add("c")
    copy["pair"][0].append(2)

    assert given == {"orders": [Order(items=["chair"])], "tags": {"a"}, "pair": ([1], "b")}


def test_a_lock_is_handed_on_and_what_stands_beside_it_is_copied() -> None:
    lock, items, kept = threading.Lock(), ["chair"], list[Any]()

    copy = copied({"lock": lock, "items": items}, kept)

    assert copy == {"lock": lock, "items": ["chair"]}
    assert copy["items"] is not items
    assert kept == [lock]


def test_a_list_that_holds_itself_and_a_lock_is_handed_on() -> None:
    around: list[Any] = [threading.Lock()]
    around.append(around)

    assert copied(around)[0] is around[0]


def test_a_bare_object_stays_the_one_it_is() -> None:
    missing = object()

    assert copied(missing) is missing


def test_a_generator_goes_on_where_it_was() -> None:
    numbers = (number for number in range(3))
    next(numbers)

    assert list(copied(numbers)) == [1, 2]


def test_a_json_value_is_copied_down_to_its_lists() -> None:
    given = {"a": [1, {"b": []}], "c": None}

    copy = copied_plain(given)
    copy["a"][1]["b"].append(1)

    assert given == {"a": [1, {"b": []}], "c": None}


def test_what_stands_in_a_list_or_a_set_beside_a_lock_is_copied() -> None:
    lock, items = threading.Lock(), ["chair"]

    copy: Any = copied([lock, items, (lock, items), {lock}])

    assert copy[0] is lock
    assert copy[1] == copy[2][1] == items
    assert copy[1] is not items
    assert copy[2][1] is not items
    assert copy[3] == {lock}
