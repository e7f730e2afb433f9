"""Where nodes stand within their layers."""

from itertools import pairwise

from hypothesis import given, strategies as st

from workflows.picture.coordinates import place_across
from workflows.picture.layers import in_layers


def test_a_parent_stands_above_the_middle_of_its_children() -> None:
    found = in_layers("abc", [("a", "b"), ("a", "c")])

    place = place_across(found, {"a": 10, "b": 10, "c": 10}, gap=2)

    assert place["a"] == (place["b"] + place["c"]) / 2


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_nothing_overlaps(pairs: list[tuple[int, int]]) -> None:
    nodes = [str(number) for number in range(10)]
    found = in_layers(nodes, [(str(a), str(b)) for a, b in pairs])
    sizes = {name: 10.0 + len(name) for layer in found.layers for name in layer}

    place = place_across(found, sizes, gap=2)

    for layer in found.layers:
        for left, right in pairwise(layer):
            assert place[right] - place[left] >= (sizes[left] + sizes[right]) / 2 + 2 - 1e-6
    assert min(place[name] - sizes[name] / 2 for name in place) >= -1e-6
