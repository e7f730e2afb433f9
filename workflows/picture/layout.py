"""Lay out the graph of a workflow: where its nodes stand and where its edges run, in pixels."""

import functools
from dataclasses import dataclass
from typing import Literal, TypeAlias

from workflows.picture.coordinates import place_across
from workflows.picture.graph import Graph, Node, NodeKind
from workflows.picture.layers import Layered, in_layers
from workflows.picture.ordering import put_in_order
from workflows.picture.overlay import NO_MARK
from workflows.picture.parts import ActKind
from workflows.picture.words import second_line

Direction: TypeAlias = Literal["down", "right"]
Point: TypeAlias = tuple[float, float]

CHARACTER, SMALL_CHARACTER = 7.8, 6.9
"""Width of one, as a rule, of names (13 px, bold) and of all other text (12 px), in broad fonts."""
NARROWEST, BROADEST = 96.0, 224.0
ROOM_FOR_ICON = 46.0
"""And the margins of a name beside it."""
ROOM_FOR_STATE = 124.0
"""An act's: icon and word of a state."""
TALL, LOW = 46.0, 28.0
"""Of acts, which have a second line, and of all else."""
GAP = 18.0
STOP = 10.0
BETWEEN = 40.0
"""Between layers: an arrow and the label of an edge."""
BESIDE = 64.0
"""The same, where edges run to the right and labels lie along them."""
_ACTS = frozenset(ActKind)


@dataclass(frozen=True)
class Box:
    """Where a node is drawn."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything is. width, height: of all of it."""

    width: float
    height: float
    direction: Direction
    boxes: dict[str, Box]
    routes: dict[tuple[str, str], tuple[Point, ...]]
    """Of each edge, from its source to its target."""


@functools.lru_cache(maxsize=256)
def lay_out(graph: Graph, direction: Direction = "down") -> Layout:
    """Return the layout of a graph: top down, or from left to right."""
    names = [node.id for node in graph.nodes]
    layered = in_layers(names, [(edge.source, edge.target) for edge in graph.edges])
    put_in_order(layered)
    sizes = {node.id: size_of(node) for node in graph.nodes}
    down = direction == "down"
    broad = {
        name: sizes[name][0 if down else 1] if name in sizes else STOP for name in _all(layered)
    }
    across = place_across(layered, broad, GAP)
    along, whole = _along(layered, sizes, down=down)
    boxes = {}
    for name, (width, height) in sizes.items():
        a, b = across[name] - broad[name] / 2, along[name]
        boxes[name] = _box(a, b, width, height, down=down)
    breadth = max((across[name] + broad[name] / 2 for name in across), default=0.0)
    routes = _routes(graph, layered, boxes, across, along, down=down)
    width, height = (breadth, whole) if down else (whole, breadth)
    return Layout(
        width=round(width, 1),
        height=round(height, 1),
        direction=direction,
        boxes=boxes,
        routes=routes,
    )


def size_of(node: Node) -> tuple[float, float]:
    """Return width and height of a node's box."""
    is_act = node.kind in _ACTS
    if node.kind == NodeKind.START:
        return 64.0, LOW
    wanted = len(node.label) * SMALL_CHARACTER + 28
    if is_act:
        wanted = len(node.label) * CHARACTER + ROOM_FOR_ICON
        wanted = max(wanted, len(second_line(node, NO_MARK)) * SMALL_CHARACTER + 28, ROOM_FOR_STATE)
    return round(min(max(wanted, NARROWEST), BROADEST), 1), TALL if is_act else LOW


def _box(a: float, b: float, width: float, height: float, *, down: bool) -> Box:
    x, y = (a, b) if down else (b, a)
    return Box(round(x, 1), round(y, 1), width, height)


def _all(layered: Layered) -> list[str]:
    return [name for layer in layered.layers for name in layer]


def _along(
    layered: Layered, sizes: dict[str, tuple[float, float]], *, down: bool
) -> tuple[dict[str, float], float]:
    """Return where each node and stop begins along the layers, and how far they go."""
    found: dict[str, float] = {}
    edge = 0.0
    for layer in layered.layers:
        depths = {name: sizes[name][1 if down else 0] if name in sizes else 0.0 for name in layer}
        thick = max(depths.values(), default=0.0)
        for name, depth in depths.items():
            found[name] = edge + (thick - depth) / 2
        edge += thick + (BETWEEN if down else BESIDE)
    return found, edge - (BETWEEN if down else BESIDE)


def _routes(
    graph: Graph,
    layered: Layered,
    boxes: dict[str, Box],
    across: dict[str, float],
    along: dict[str, float],
    *,
    down: bool,
) -> dict[tuple[str, str], tuple[Point, ...]]:
    found: dict[tuple[str, str], tuple[Point, ...]] = {}
    for edge in graph.edges:
        pair = (edge.source, edge.target)
        if pair in found or edge.source == edge.target:
            continue
        turned = pair in layered.turned
        above, below = pair[::-1] if turned else pair
        aside = 16.0 if turned else 0.0  # beside an edge that runs the other way
        first = _end(boxes[above], aside, down=down, far=True)
        last = _end(boxes[below], aside, down=down, far=False)
        stops = [
            (across[stop], along[stop]) if down else (along[stop], across[stop])
            for stop in layered.stops[above, below]
        ]
        points = [(round(x, 1), round(y, 1)) for x, y in (first, *stops, last)]
        found[pair] = tuple(points[::-1] if turned else points)
    return found


def _end(box: Box, aside: float, *, down: bool, far: bool) -> Point:
    if down:
        return box.x + box.width / 2 + aside, box.y + (box.height if far else 0)
    return box.x + (box.width if far else 0), box.y + box.height / 2 + aside / 2
