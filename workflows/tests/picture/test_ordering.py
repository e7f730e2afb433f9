"""Few edges cross."""

from workflows.picture.layers import in_layers
from workflows.picture.ordering import crossings, put_in_order


def test_a_crossing_is_counted_and_taken_out() -> None:
    found = in_layers("abcd", [("a", "d"), ("b", "c")])
    below = {"a": ["d"], "b": ["c"]}
    before = crossings(found.layers, below)

    put_in_order(found)

    assert (before, crossings(found.layers, below)) == (1, 0)


def test_two_edges_from_one_node_do_not_cross() -> None:
    assert crossings([["a", "b"], ["c", "d"]], {"a": ["c", "d"], "b": ["c", "d"]}) == 1
