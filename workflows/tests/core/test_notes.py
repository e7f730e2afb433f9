"""What is kept is stored when it has changed, and told when it cannot be."""

from typing import Any

import pytest

from workflows.api import ValueNotStorable
from workflows.core.notes import Note


@pytest.mark.parametrize(
    ("stored", "now", "changed"),
    [
        ("{}", {}, False),
        ('{"a": 1}', {"a": 1}, False),
        ('{"b": 1, "a": 2}', {"a": 2, "b": 1}, False),
        ('{"a": 1}', {"a": True}, True),
        ('{"a": 1}', {}, True),
        ("{}", {"a": None}, True),
    ],
)
def test_only_a_change_is_stored(stored: str, now: dict[str, Any], changed: bool) -> None:
    kept = Note("data", stored, max_bytes=100)
    kept.values.update(now)

    assert (kept.change() is not None) is changed


def test_what_was_stored_is_no_change_until_it_changes_again() -> None:
    kept = Note("data", "{}", max_bytes=100)
    kept.values["a"] = 1
    kept.stored(kept.change())
    after_storing = kept.change()
    kept.stored(after_storing)
    kept.values["a"] = 2

    assert after_storing is None
    assert kept.change() == '{"a": 2}'


@pytest.mark.parametrize(("value", "fits"), [("xxxx", True), ("xxxxx", False), ("éé", True)])
def test_the_limit_counts_bytes_and_is_itself_allowed(value: str, fits: bool) -> None:
    kept = Note("data", "{}", max_bytes=len('{"a": "xxxx"}'))
    kept.values["a"] = value

    assert (kept.change() is not None) is fits


def test_letters_of_several_bytes_count_as_several() -> None:
    kept = Note("data", "{}", max_bytes=len('{"a": "xxxx"}'))
    kept.values["a"] = "ééé"

    with pytest.raises(ValueNotStorable, match="takes more than 13 bytes"):
        kept.text()


def test_keys_are_texts() -> None:
    kept = Note("data", "{}", max_bytes=100)
    kept.values[1] = "one"  # type: ignore[index]

    with pytest.raises(ValueNotStorable, match="every key is a text"):
        kept.text()


def test_two_keys_that_are_one_as_json_are_refused_with_their_place() -> None:
    kept = Note("data", "{}", max_bytes=100)
    kept.values["a"] = {1: "x", "1": "y"}

    with pytest.raises(ValueNotStorable, match=r"run.data\['a'\]: two of its keys are one"):
        kept.text()
