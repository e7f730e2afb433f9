"""Where everything is drawn."""

from itertools import combinations

import pytest

from workflows.api import load_outline
from workflows.picture.layout import Box, Direction, lay_out
from workflows.picture.make_graph import graph_of
from workflows.tests.picture.drawn_flows import dynamic, groups, parcel


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("flow", [parcel, groups, dynamic])
def test_boxes_stand_apart_and_edges_end_at_them(flow: str, direction: Direction) -> None:
    graph = graph_of(load_outline(flow))

    layout = lay_out(graph, direction)

    assert not any(overlap(*pair) for pair in combinations(layout.boxes.values(), 2))
    for edge in graph.edges:
        route = layout.routes[edge.source, edge.target]
        assert touches(layout.boxes[edge.source], route[0])
        assert touches(layout.boxes[edge.target], route[-1])
    for box in layout.boxes.values():
        assert 0 <= box.x <= layout.width - box.width + 0.2
        assert 0 <= box.y <= layout.height - box.height + 0.2


def overlap(one: Box, other: Box) -> bool:
    apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
    apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (apart_x or apart_y)


def touches(box: Box, point: tuple[float, float]) -> bool:
    x, y = point
    return box.x - 1 <= x <= box.x + box.width + 1 and box.y - 1 <= y <= box.y + box.height + 1
