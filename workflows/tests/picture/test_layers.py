"""Nodes in layers."""

from workflows.picture.layers import in_layers


def test_an_edge_over_several_layers_is_cut() -> None:
    found = in_layers("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])

    assert found.layers == [["a"], ["b", "a d 1"], ["c", "a d 2"], ["d"]]
    assert found.stops["a", "d"] == ["a d 1", "a d 2"]


def test_what_closes_a_circle_is_turned_round() -> None:
    found = in_layers("abc", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "c"), ("c", "a")])

    assert found.turned == {("c", "b"), ("c", "a")}
    assert [each[0] for each in found.layers] == ["a", "b", "c"]


def test_nothing_has_one_empty_layer() -> None:
    assert in_layers([], []).layers == [[]]
