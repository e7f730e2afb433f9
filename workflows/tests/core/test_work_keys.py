"""Keys made of what the work is: promised byte for byte."""

import hashlib
from typing import Any

import pytest

from workflows.core.errors import InvalidInput
from workflows.core.work_keys import step_key, workflow_key

HARD: Any = {"b": [1, 2.5, None], "a": {"é": "\U0001f600", "n": 7.0}}
VECTORS = [
    (
        workflow_key("shop.order", "ann", {"order_id": 7}),
        "7e84d843ebc3fd1c3ceb0b674f538435c373c9599d79be0a531738b1668bde49",
    ),
    (
        workflow_key("shop.order", "", HARD),
        "721a30a8052b21e42ac3fc5a03da7397ec3c0272f83630d3da59a0d102152d52",
    ),
    (
        step_key("order-7", "charge", 1, {"cents": 990}),
        "618e561c501abafb2fb39e2e944e0a0711fa7c99c317af0230819858620b70c4",
    ),
    (
        step_key("order-7", "charge", 2, {"cents": 990}),
        "425e8058aab3d3ce20e0f36bf0994fec8e36aa16ed8d226b87bb99c6465d9c8b",
    ),
]


@pytest.mark.parametrize(("made", "promised"), VECTORS)
def test_the_keys_are_those_that_were_promised(made: str, promised: str) -> None:
    assert made == promised


def test_anybody_can_make_them() -> None:
    text = r'["workflow","shop.order","ann","{\"order_id\":7}"]'

    assert (
        workflow_key("shop.order", "ann", {"order_id": 7})
        == hashlib.sha256(text.encode()).hexdigest()
    )


def test_order_and_spelling_of_the_input_do_not_matter_and_all_else_does() -> None:
    key = workflow_key("a", "ann", {"n": 1, "m": {"y": 2, "x": [3]}})

    assert key == workflow_key("a", "ann", {"m": {"x": [3.0], "y": 2}, "n": 1.0})
    others = [
        workflow_key("b", "ann", {"n": 1}), workflow_key("a", "bob", {"n": 1}),
        workflow_key("a", "ann", {"n": "1"}), workflow_key("a", "ann", {"n": True}),
        workflow_key("a", "ann", {"n": 1}), workflow_key("a", "", {"n": 1}),
        step_key("a", "ann", 1, {"n": 1}), key,
    ]  # fmt: skip
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: workflow_key("", "ann", {}), "name is ''"),
        (lambda: workflow_key("a", 7, {}), "owner is 7"),  # type: ignore[arg-type]
        (lambda: workflow_key("a", "", {"n": object()}), "input: not a JSON value"),
        (lambda: workflow_key("a", "", {"n": float("nan")}), "input: not a JSON value"),
        (lambda: step_key("k", "charge", 0, {}), "occurrence is 0"),
        (lambda: step_key("k", "charge", True, {}), "occurrence is True"),
        (lambda: step_key("k", "", 1, {}), "step is ''"),
    ],
)
def test_what_makes_no_key_is_refused(make: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        make()
