"""An exception becomes a text that can be stored, whatever it does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.codec import dumps
from workflows.core.failure import MAX_MESSAGE, MAX_TRACEBACK, describe, storable


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Wordless(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]


def raised(exc: Exception) -> Exception:
    try:
        raise exc
    except Exception as caught:
        return caught


def test_type_message_and_traceback_are_kept() -> None:
    failure = describe(raised(ValueError("too bad")))

    assert (failure["type"], failure["message"]) == ("ValueError", "too bad")
    assert "raise exc" in failure["traceback"]
    assert failure["traceback"].endswith("ValueError: too bad\n")


def test_a_group_tells_what_is_in_it() -> None:
    inner = ExceptionGroup("in", [KeyError("nmae")])

    failure = describe(ExceptionGroup("two of them", [ValueError("bad link"), inner]))

    told = "two of them (2 sub-exceptions): ValueError: bad link; KeyError: 'nmae'"
    assert (failure["type"], failure["message"]) == ("ExceptionGroup", told)


def test_a_type_of_ours_is_named_with_its_module() -> None:
    assert describe(Unreadable())["type"] == f"{__name__}.Unreadable"


@pytest.mark.parametrize("exc", [Unreadable("x"), Wordless("x")])
def test_an_exception_whose_message_cannot_be_read_is_still_described(exc: Exception) -> None:
    failure = describe(raised(exc))

    assert "its message cannot be read" in failure["message"]


def test_a_huge_message_is_cut() -> None:
    failure = describe(raised(ValueError("x" * 1_000_000)))

    assert len(failure["message"]) == MAX_MESSAGE
    assert failure["message"].endswith("…")
    assert len(failure["traceback"]) <= MAX_TRACEBACK


def test_a_deep_traceback_keeps_its_innermost_end() -> None:
    def sink(depth: int) -> None:
        if depth == 0:
            raise ValueError("the bottom")
        sink(depth - 1)

    with pytest.raises(ValueError, match="the bottom") as caught:
        sink(200)

    failure = describe(caught.value)

    assert 'raise ValueError("the bottom")' in failure["traceback"]
    assert len(failure["traceback"]) <= MAX_TRACEBACK


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff", "\x00" * 5_000])
def test_what_postgresql_refuses_is_replaced(text: str) -> None:
    failure = describe(raised(ValueError(text)))

    assert "\x00" not in failure["message"]
    json.loads(dumps(dict(failure)))


def test_a_type_from_an_odd_module_is_described() -> None:
    odd = type("Odd", (Exception,), {"__module__": "a\x00\ud800"})

    failure = describe(odd("x"))

    dumps(dict(failure))
    assert "Odd" in failure["type"]


@given(st.text(), st.integers(1, 50))
def test_a_storable_text_is_short_and_can_be_stored(text: str, limit: int) -> None:
    clean = storable(text, limit)

    assert len(clean) <= limit
    dumps(clean)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_a_text_that_was_storable_stays_as_it_is(text: str) -> None:
    assert storable(text, len(text) + 1) == text
