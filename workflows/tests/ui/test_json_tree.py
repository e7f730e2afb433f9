"""A value as a tree: whatever is in it is text, and however large it is, the page stays small."""

import pytest

from workflows.ui.json_tree import MOST_NODES, json_tree


def test_objects_and_lists_open() -> None:
    shown = json_tree({"to": "ann", "places": [1, None, True], "none": {}})

    assert shown.count("<details") == 2
    for part in ["3 fields", "3 items", "ann", "1", "null", "true", "{}"]:
        assert part in shown


def test_everything_is_escaped() -> None:
    shown = json_tree({"<b>name</b>": "<script>alert(1)</script>"})

    assert "<b>" not in shown
    assert "<script>" not in shown


def test_what_is_large_is_cut_and_says_so() -> None:
    assert f"{100_000 - MOST_NODES + 1:,}".replace(",", "") in json_tree(list(range(100_000)))
    assert "(9,000 characters)" in json_tree("x" * 9_000)


def test_what_is_deep_is_cut() -> None:
    value: list[object] = []
    for _ in range(500):
        value = [value]

    assert "not shown: download it" in json_tree(value)


@pytest.mark.parametrize("value", [None, "", 0, [], {}])
def test_small_values_are_shown(value: object) -> None:
    assert 'class="json"' in json_tree(value)
